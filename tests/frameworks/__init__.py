"""The real clients and frameworks, against a fake server on loopback: `make frameworks`."""
