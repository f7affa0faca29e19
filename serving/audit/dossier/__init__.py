"""The document about a model that a regulator or a customer asks for, and the check that recomputes its figures."""
