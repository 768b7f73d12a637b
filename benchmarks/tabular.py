"""A few numbers in, one number out."""

from sciml_bench.protocol.track import Track

TRACK = Track(
    title="Tables",
    summary="expensive functions and measured data with a few inputs",
    datasets=("borehole", "diabetes", "ignition_delay"),
)
