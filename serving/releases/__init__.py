"""A version under release beside the champion: which requests it gets, what is counted, and what is logged."""
