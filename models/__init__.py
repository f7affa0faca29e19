"""Pure computation: models, their training and their evaluation; no orchestration, feature store or server."""
