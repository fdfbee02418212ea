"""Searches for secrets in text: each has a literal, a pattern around it and a function that decides."""
