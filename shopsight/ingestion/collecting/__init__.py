"""Events that come one by one: judged at the door, kept in a journal, and landed in the event log from there."""
