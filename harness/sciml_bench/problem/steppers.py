"""The exponax steppers of the periodic datasets. Importing this imports JAX: do so inside a function."""

from typing import Any

import exponax as ex
import jax
from exponax.nonlin_fun import VorticityConvection2d


class _ForcedConvection(VorticityConvection2d):
    """𝒩(w) = −u·∇w + f in Fourier space."""

    forcing: jax.Array

    def __init__(self, forcing: jax.Array, points: int, **arguments: Any) -> None:
        super().__init__(2, points, **arguments)
        self.forcing = forcing

    def __call__(self, u_hat: Any) -> Any:
        return super().__call__(u_hat) + self.forcing


class ForcedVorticity(ex.stepper.NavierStokesVorticity):
    """w_t + u·∇w = νΔw + f on the unit torus, u = (ψ_y, −ψ_x), −Δψ = w; ETDRK4, dealiased by the 2/3 rule.

    `forcing` holds f at the grid points, shape (points, points). exponax writes u with Δ⁻¹w = −ψ, so the
    usual sign is its convection scale −1.

    Source: exponax, arXiv:2411.00180; Kassam & Trefethen 2005, doi:10.1137/S1064827502410633.
    """

    forcing: jax.Array

    def __init__(self, points: int, step: float, *, viscosity: float, forcing: jax.Array) -> None:
        self.forcing = forcing
        super().__init__(2, 1.0, points, step, diffusivity=viscosity, vorticity_convection_scale=-1.0, order=4)

    def _build_nonlinear_fun(self, derivative_operator: Any) -> _ForcedConvection:
        return _ForcedConvection(
            ex.fft(self.forcing[None], num_spatial_dims=2),
            self.num_points,
            convection_scale=self.vorticity_convection_scale,
            derivative_operator=derivative_operator,
            dealiasing_fraction=self.dealiasing_fraction,
        )


def burgers(points: int, step: float, *, viscosity: float) -> Any:
    """u_t + ½(u²)_x = νu_xx on the unit circle; ETDRK4, dealiased by the 2/3 rule, conservative.

    Source: exponax, arXiv:2411.00180; Kassam & Trefethen 2005, doi:10.1137/S1064827502410633.
    """
    return ex.stepper.Burgers(1, 1.0, points, step, diffusivity=viscosity, order=4, conservative=True)


def kuramoto_sivashinsky(points: int, step: float, *, length: float) -> Any:
    """u_t + ½(u²)_x + u_xx + u_xxxx = 0 on a circle of this length; ETDRK4, dealiased by the 2/3 rule, conservative.

    Source: exponax, arXiv:2411.00180; Kassam & Trefethen 2005, doi:10.1137/S1064827502410633.
    """
    return ex.stepper.KuramotoSivashinskyConservative(1, length, points, step, order=4)


def fisher_kpp(points: int, step: float, *, diffusivity: float, rate: float) -> Any:
    """u_t = νu_xx + ρu(1 − u) on the unit circle; ETDRK4, dealiased by the 2/3 rule.

    Source: exponax, arXiv:2411.00180; Kassam & Trefethen 2005, doi:10.1137/S1064827502410633.
    """
    return ex.stepper.reaction.FisherKPP(1, 1.0, points, step, diffusivity=diffusivity, reactivity=rate, order=4)
