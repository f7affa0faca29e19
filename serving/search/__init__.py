"""Search: from a query to items of the shop."""
