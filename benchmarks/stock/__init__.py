"""What ordering by forecasts saves beside rules without any, on planted demand and lead times."""
