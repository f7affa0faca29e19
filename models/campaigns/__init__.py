"""Campaigns: who is sent which offer or none, what it should bring, and what it did bring beside the hold-out."""
