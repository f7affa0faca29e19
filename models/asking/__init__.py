"""A question about shoppers, in words, becomes a label, features, a model and a verdict."""
