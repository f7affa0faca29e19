"""Probabilities of a yes-or-no outcome from a table of numbers: what the propensity models share."""
