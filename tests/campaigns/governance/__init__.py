"""Governance under attack: random decisions reach no illegal state, and no mutation of the registry goes unnoticed."""
