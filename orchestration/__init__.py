"""Dagster: when things run, and in what order; no modelling and no SQL."""
