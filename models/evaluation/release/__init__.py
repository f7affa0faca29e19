"""Judges a version under release by its answers, one after the other, beside those of the champion."""
