"""Programs that shop for people: tools over MCP, and the catalogue as the Universal Commerce Protocol wants it."""
