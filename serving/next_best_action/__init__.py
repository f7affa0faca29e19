"""The service of next best actions and of profiles."""
