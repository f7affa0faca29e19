"""Analysis of experiments: arms compared so that a look every day does not raise the chance of a false alarm."""
