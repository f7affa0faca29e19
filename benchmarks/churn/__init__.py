"""How well churn and customer value are foreseen on public order histories."""
