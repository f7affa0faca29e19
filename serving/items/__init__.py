"""Items as every family that answers with them shows them: their state now, filters, and the rules of the shop."""
