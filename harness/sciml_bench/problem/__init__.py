"""What is to be predicted: a dataset, its variables, its equation, its reference solver and its certificate."""

from .card import DatasetCard, Family, Framework, Kind, MethodCard, Source
from .dataset import TIERS, Conserved, Dataset, Gradient, Problem, Regime, Symmetry
from .equation import Derivatives, Equation, GridDerivatives
from .hamiltonian import Hamiltonian
from .solver import Evolution, Solver, Steady
from .variable import CLASS, HISTORY, MEMBER, RAGGED, SAMPLE, SPACE, TIME, Variable, levels_of

__all__ = [
    "CLASS",
    "HISTORY",
    "MEMBER",
    "RAGGED",
    "SAMPLE",
    "SPACE",
    "TIERS",
    "TIME",
    "Conserved",
    "Dataset",
    "DatasetCard",
    "Derivatives",
    "Equation",
    "Evolution",
    "Family",
    "Framework",
    "Gradient",
    "GridDerivatives",
    "Hamiltonian",
    "Kind",
    "MethodCard",
    "Problem",
    "Regime",
    "Solver",
    "Source",
    "Steady",
    "Symmetry",
    "Variable",
    "levels_of",
]
