"""What a row must be to become an event, and the reason where it does not."""
