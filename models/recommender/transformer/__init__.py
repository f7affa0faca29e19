"""The view that reads the order of a history: the network, its loss, its training, and how it scores."""
