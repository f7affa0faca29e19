"""What the shop knows of one shopper, line by line with its evidence, and the forecasts of everybody behind it."""
