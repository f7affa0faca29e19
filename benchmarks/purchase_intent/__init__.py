"""Purchase intent on public files: a table of sessions, and sessions made from a log of events."""
