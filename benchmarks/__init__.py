"""What recording costs, measured beside a floor and the peers: ``python -m benchmarks`` (see docs/performance.md)."""
