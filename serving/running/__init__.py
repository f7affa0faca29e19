"""Starts and stops the approved services on this machine."""
