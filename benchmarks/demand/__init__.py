"""How well demand is forecast on public sales, beside seasonal naive, ETS and Croston."""
