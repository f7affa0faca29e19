"""What to show next: popularity, item-kNN, EASE and a causal transformer over typed behaviour, and their blend."""
