"""What the assistant understands and says: computation alone, without a model of its own."""
