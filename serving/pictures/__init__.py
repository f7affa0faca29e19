"""Search by a picture: what looks like it, and what it probably shows."""
