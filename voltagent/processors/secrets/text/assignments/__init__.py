"""A secret name, an operator and a value, in code and configuration."""
