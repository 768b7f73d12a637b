"""How a method is written."""

from .contract import Budget, Log, Method, Predictor

__all__ = ["Budget", "Log", "Method", "Predictor"]
