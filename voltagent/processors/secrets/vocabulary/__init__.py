"""What a secret looks like: names, and forms of values."""
