"""The local store: what ran, in an SQLite file on this machine."""
