"""Answers to shoppers' questions, out of what reviews, the catalogue and the shop's pages say, or none."""
