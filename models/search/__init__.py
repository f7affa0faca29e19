"""Search: which items a query means, found by words and by meaning, ordered by what is learnt from clicks."""
