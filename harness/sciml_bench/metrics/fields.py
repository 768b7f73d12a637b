"""The table of a field's metrics: what each is called, when it applies, and what it stands beside."""

from functools import partial

import numpy as np

from ..problem import Source, Variable
from .accuracy import (
    brmse,
    frmse,
    gmean_nrmse,
    mae,
    max_error,
    nrmse_per_time,
    rel_l2,
    rel_l2_final,
    rmse,
    valid_time,
    vrmse,
)
from .base import Metric
from .fourier import on_grid

FNO = Source(citation="Li et al., Fourier neural operator for parametric PDEs (2021)", doi="10.48550/arXiv.2010.08895")
PDEBENCH = Source(citation="Takamoto et al., PDEBench (2022)", doi="10.48550/arXiv.2210.07182")
THE_WELL = Source(citation="Ohana et al., The Well (2024)", doi="10.48550/arXiv.2412.00568")
APEBENCH = Source(citation="Koehler et al., APEBench (2024)", doi="10.48550/arXiv.2411.00180")


def _field(variable: Variable) -> bool:
    return variable.kind == "field"


def _rollout(variable: Variable) -> bool:
    return _field(variable) and variable.steps


def _spatial(variable: Variable) -> bool:
    return _field(variable) and bool(variable.space)


def _spatial_rollout(variable: Variable) -> bool:
    return _spatial(variable) and variable.steps


def _edged(variable: Variable) -> bool:
    return on_grid(variable) and not variable.periodic


def _shell(name: str, low: float, high: float, formula: str) -> Metric:
    return Metric(
        name=name,
        statistic=partial(frmse, low=low, high=high),
        applies=on_grid,
        formula=formula,
        unit="target",
        better="lower",
        source=PDEBENCH,
    )


FIELDS = (
    Metric(
        name="rel_l2",
        statistic=rel_l2,
        applies=_field,
        formula="‖p−u‖₂ / ‖u‖₂ over space and time together",
        unit="1",
        better="lower",
        source=FNO,
    ),
    Metric(
        name="rel_l2_final",
        statistic=rel_l2_final,
        applies=_rollout,
        formula="‖p−u‖₂ / ‖u‖₂ over space at the last output time",
        unit="1",
        better="lower",
        source=FNO,
    ),
    Metric(
        name="nrmse_per_time",
        statistic=nrmse_per_time,
        applies=_rollout,
        formula="mean over time of ‖p−u‖₂ / ‖u‖₂ over space",
        unit="1",
        better="lower",
        source=PDEBENCH,
    ),
    Metric(
        name="vrmse",
        statistic=vrmse,
        applies=_spatial,
        formula="mean over time of √(⟨(p−u)²⟩ₓ / (varₓ u + 10⁻⁷))",
        unit="1",
        better="lower",
        source=THE_WELL,
    ),
    Metric(
        name="gmean_nrmse",
        statistic=gmean_nrmse,
        applies=_rollout,
        formula="geometric mean over time of ‖p−u‖₂ / ‖u‖₂ over space",
        unit="1",
        better="lower",
        source=APEBENCH,
    ),
    Metric(
        name="rmse",
        statistic=rmse,
        applies=_field,
        formula="√⟨(p−u)²⟩ over space and time together",
        unit="target",
        better="lower",
        source=PDEBENCH,
    ),
    Metric(
        name="mae",
        statistic=mae,
        applies=_field,
        formula="⟨|p−u|⟩ over space and time together",
        unit="target",
        better="lower",
        source=THE_WELL,
    ),
    Metric(
        name="max_error",
        statistic=max_error,
        applies=_field,
        formula="max |p−u| over space and time together",
        unit="target",
        better="lower",
        source=PDEBENCH,
    ),
    _shell("frmse_low", 0, 4, "mean over time of √(error energy at |k| < 4)"),
    _shell("frmse_mid", 4, 12, "mean over time of √(error energy at 4 ≤ |k| < 12)"),
    _shell("frmse_high", 12, np.inf, "mean over time of √(error energy at |k| ≥ 12)"),
    Metric(
        name="brmse",
        statistic=brmse,
        applies=_edged,
        formula="√⟨(p−u)²⟩ over the edge of the grid and time together",
        unit="target",
        better="lower",
        source=PDEBENCH,
    ),
    Metric(
        name="valid_time",
        statistic=valid_time,
        applies=_spatial_rollout,
        formula="share of the output times before the correlation over space first falls under 0.8",
        unit="1",
        better="higher",
        source=APEBENCH,
    ),
)
"""The metrics of a field, `rel_l2` first."""
