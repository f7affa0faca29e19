"""Purchase intent: after each event of a session, the calibrated probability of a purchase later in it."""
