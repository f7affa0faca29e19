"""Pictures of items as vectors: what looks alike, what a picture probably shows, and which pictures a text means."""
