"""The ground that every other folder stands on; it imports nothing above it."""

__version__ = "0.2.0"
