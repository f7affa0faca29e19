"""Where the approved model places items and shoppers, as a product of its own."""
