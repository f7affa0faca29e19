"""Answers looked at afterwards: where one came from, and whether it comes out the same again."""
