"""The pages where a shop's people work: what needs them, and every figure with its meaning, its SQL and its rows."""
