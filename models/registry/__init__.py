"""Candidates, approvals and champions: the one place of ``models`` that writes decisions."""
