"""How demand answers prices, on public sales and on planted ones."""
