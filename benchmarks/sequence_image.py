"""Time series and pictures."""

from sciml_bench.protocol.track import Track

TRACK = Track(
    title="Sequences and images",
    summary="forecasts of chaotic series, regimes and properties from pictures",
    datasets=("gray_scott_patterns", "lorenz96", "permeability"),
)
