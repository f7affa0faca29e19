"""What to order: from forecasts, counts of the stock and a shop's terms to a list with reasons."""
