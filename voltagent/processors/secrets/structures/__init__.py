"""Secrets that the structure around a value gives away."""
