"""What asv times over commits: see `benchmarks/speed/track.py`."""
