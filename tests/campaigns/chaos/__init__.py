"""Faults in a row on one home under load: what does each cost, and is everything back at the end?"""
