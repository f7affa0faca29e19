"""The purchase intent service."""
