"""Meshes, molecules and particles: samples of varying size."""

from sciml_bench.protocol.track import Track

TRACK = Track(
    title="Graphs and meshes",
    summary="fields on unstructured meshes, energies and forces of clusters, particles on springs",
    datasets=("mesh_poisson", "metal_clusters", "spring_particles"),
)
