"""Drift: how two windows of rows differ, column by column; what matters, and what chance does not explain."""
