"""Versions under release while shoppers ask: is every bad one stopped, no good one, and does nobody notice?"""
