"""Partial differential equations on grids."""

from sciml_bench.protocol.track import Track

TRACK = Track(
    title="Partial differential equations",
    summary="from initial states and coefficients to solutions, on regular grids",
    datasets=(
        "advection",
        "burgers",
        "burgers_shock",
        "darcy",
        "kuramoto_sivashinsky",
        "navier_stokes",
        "reaction_diffusion",
    ),
)
