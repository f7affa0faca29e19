"""The views that are sparse item-to-item matrices, and the lists made the same way."""
