"""Models that are swapped while requests run: what does a client see, and does a bad model ever answer?"""
