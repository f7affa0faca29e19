"""What changes in a shop's market, told only where it is more than noise; every number names the rows behind it."""
