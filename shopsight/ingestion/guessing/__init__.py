"""Guesses a mapping from the columns and values of a file."""
