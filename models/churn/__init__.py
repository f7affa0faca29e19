"""Churn: at an as-of date, the calibrated probability of no order within N days, and what a customer will bring."""
