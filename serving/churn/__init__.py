"""The churn service."""
