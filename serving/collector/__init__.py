"""Takes events over HTTP, and answers once they are on disk."""
