"""Demand: what each item will sell, how sure that is, what to order and what a price does."""
