"""Triggers of a home: what is read, decided, journaled and posted; the rules themselves are in ``models.triggers``."""
