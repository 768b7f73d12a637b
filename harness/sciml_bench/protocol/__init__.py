"""The protocol: folds, seeds, budgets and the leakage audit."""
