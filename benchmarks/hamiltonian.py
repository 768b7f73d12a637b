"""Mechanical systems that conserve energy."""

from sciml_bench.protocol.track import Track

TRACK = Track(
    title="Hamiltonian systems",
    summary="trajectories of mechanical systems, and whether their energy stays",
    datasets=("spring", "pendulum", "henon_heiles", "two_body"),
)
