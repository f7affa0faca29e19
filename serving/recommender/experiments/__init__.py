"""Experiments on lists: which shoppers get which arm, what an arm changes, and what the prediction log says of it."""
