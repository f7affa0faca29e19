"""What came of the lists that were shown: the prediction log joined with the events of the warehouse."""
