"""The text intent service."""
