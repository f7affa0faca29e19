"""Answers shoppers in their own words; each sentence names the rows that it stands on."""
