"""Writers of the online store that race: whatever their order, the newest row wins."""
