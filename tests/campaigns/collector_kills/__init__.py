"""`kill -9` of the collector under load and of the landing, at random moments: what was acknowledged lands, once."""
