"""Groups of shoppers by what they do: as many as are stable, with names in words and identities that last."""
