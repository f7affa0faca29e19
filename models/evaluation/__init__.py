"""Metrics, intervals, drift and the gate that a candidate passes before anyone is asked to approve it."""
