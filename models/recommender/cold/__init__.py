"""Items without shoppers: what the catalogue says of them, and how they get a place. For training."""
