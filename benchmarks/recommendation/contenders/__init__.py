"""Models that stand beside what is served, and that no shop is served by."""
