"""What is to be predicted: a dataset, its variables, its equation, its reference solver and its certificate."""

from .card import DatasetCard, Family, Framework, Kind, MethodCard, Source
from .dataset import TIERS, Conserved, Dataset, Problem, Symmetry
from .equation import Derivatives, Equation, GridDerivatives
from .solver import Evolution, Solver, Steady
from .variable import HISTORY, MEMBER, SAMPLE, SPACE, TIME, Variable

__all__ = [
    "HISTORY",
    "MEMBER",
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
    "GridDerivatives",
    "Kind",
    "MethodCard",
    "Problem",
    "Solver",
    "Source",
    "Steady",
    "Symmetry",
    "Variable",
]
