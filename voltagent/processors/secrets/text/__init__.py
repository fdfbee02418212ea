"""Secrets in text."""
