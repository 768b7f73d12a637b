"""Generating data: eight samples at the smoke tier."""

from sciml_bench.problem import Dataset
from sciml_bench.registry import dataset_class

SAMPLES = range(8)


class Generation:
    """Seconds for eight samples once compiled, and the peak memory."""

    params = ("burgers", "darcy", "navier_stokes", "lorenz96", "mesh_poisson", "spring_particles")
    param_names = ("dataset",)
    number, repeat, warmup_time = 1, 3, 0

    dataset: Dataset

    def setup(self, name: str) -> None:
        """Generate once, which compiles."""
        self.dataset = dataset_class(name).tier("smoke")
        self.dataset.generate(0, SAMPLES)

    def time_generate(self, name: str) -> None:  # noqa: ARG002
        """Eight samples."""
        self.dataset.generate(0, SAMPLES)

    def peakmem_generate(self, name: str) -> None:  # noqa: ARG002
        """Eight samples."""
        self.dataset.generate(0, SAMPLES)
