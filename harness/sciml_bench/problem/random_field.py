"""Gaussian random fields as sums over a fixed set of modes: one draw is one function on every grid."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True)
class PeriodicField:
    """g(x) = Σₖ √λₖ Zₖ exp(2πi k·x), λₖ = σ²(4π²|k|² + τ²)^(−α), over all integer k with |kᵢ| ≤ `modes`.

    A draw of N(0, σ²(−Δ + τ²I)^(−α)) on the unit torus of `dims` dimensions, truncated to `modes`. Zₖ is
    standard complex normal with Z₋ₖ = Z̄ₖ, so g is real and Var g(x) = Σₖ λₖ at every point. `scale` is σ,
    `tau` τ, `alpha` α; with `mean=False` the constant mode k = 0 is left out.

    Source: the spectral (Karhunen–Loève) representation, Lord, Powell & Shardlow 2014,
    doi:10.1017/CBO9781139017329.
    """

    dims: int
    scale: float
    tau: float
    alpha: float
    modes: int
    mean: bool = True

    @property
    def wavenumbers(self) -> np.ndarray:
        """The integers −modes … modes along one axis."""
        return np.arange(-self.modes, self.modes + 1)

    def eigenvalues(self) -> np.ndarray:
        """Return λₖ, shape (2·modes + 1,) · dims."""
        axes = np.meshgrid(*[self.wavenumbers] * self.dims, indexing="ij")
        squared = sum(k.astype(np.float64) ** 2 for k in axes)
        values = self.scale**2 * (4 * np.pi**2 * squared + self.tau**2) ** (-self.alpha)
        if not self.mean:
            values[(self.modes,) * self.dims] = 0.0
        return values

    def variance(self) -> float:
        """Return Var g(x) = Σₖ λₖ, the same at every x."""
        return float(self.eigenvalues().sum())

    def sample(self, rng: np.random.Generator, points: int) -> np.ndarray:
        """Return the values of one draw at j/points, shape (points,) · dims.

        The numbers taken from `rng` do not depend on `points`: the same generator state gives the same
        function.
        """
        noise = rng.standard_normal((2 * self.modes + 1,) * self.dims)
        mirrored = np.flip(noise)
        amplitude = 0.5 * ((noise + mirrored) + 1j * (noise - mirrored)) * np.sqrt(self.eigenvalues())
        # A grid too coarse for a mode sees it at the wavenumber modulo `points`: point values stay exact.
        spectrum = np.zeros((points,) * self.dims, dtype=np.complex128)
        np.add.at(spectrum, np.ix_(*[self.wavenumbers % points] * self.dims), amplitude)
        return np.fft.ifftn(spectrum, norm="forward").real


@dataclass(frozen=True, kw_only=True)
class CosineField:
    """g(x, y) = Σ √λₖₗ ξₖₗ cₖcₗ cos(πkx) cos(πly), λₖₗ = σ²(π²(k² + l²) + τ²)^(−α), over 0 ≤ k, l ≤ `modes`.

    A draw of N(0, σ²(−Δ + τ²I)^(−α)) on the unit square with zero-Neumann Laplacian, truncated to `modes`; c₀
    = 1, else √2; ξ independent standard normal. `scale` is σ, `tau` τ, `alpha` α; with `mean=False` the
    constant mode is left out.

    Source: the Karhunen–Loève representation, Lord, Powell & Shardlow 2014, doi:10.1017/CBO9781139017329.
    """

    scale: float
    tau: float
    alpha: float
    modes: int
    mean: bool = True

    def eigenvalues(self) -> np.ndarray:
        """Return λₖₗ, shape (modes + 1, modes + 1)."""
        k = np.arange(self.modes + 1, dtype=np.float64)
        values = self.scale**2 * (np.pi**2 * (k[:, None] ** 2 + k[None, :] ** 2) + self.tau**2) ** (-self.alpha)
        if not self.mean:
            values[0, 0] = 0.0
        return values

    def basis(self, x: np.ndarray) -> np.ndarray:
        """Return cₖ cos(πkx), shape (len(x), modes + 1); orthonormal on (0, 1)."""
        k = np.arange(self.modes + 1)
        return np.where(k == 0, 1.0, np.sqrt(2.0)) * np.cos(np.pi * np.multiply.outer(x, k))

    def variance(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return Var g(x, y) on the grid of `x` and `y`, (len(x), len(y)): it is not the same everywhere."""
        return self.basis(x) ** 2 @ self.eigenvalues() @ (self.basis(y) ** 2).T

    def sample(self, rng: np.random.Generator, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the values of one draw on the grid of `x` and `y`, shape (len(x), len(y)).

        The numbers taken from `rng` do not depend on the grid: the same generator state gives the same
        function.
        """
        noise = rng.standard_normal((self.modes + 1,) * 2)
        return self.basis(x) @ (np.sqrt(self.eigenvalues()) * noise) @ self.basis(y).T
