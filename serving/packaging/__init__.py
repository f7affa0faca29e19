"""Builds a Bento from an approved model."""
