"""Seeds: independent, fixed, and stable when the grid of cells grows."""

import hashlib

PROTOCOL_VERSION = 1
PROTOCOL_SEED = 2026


def derive(*parts: str | int) -> int:
    """Return a seed in [0, 2³¹) that depends on all parts: the head of their sha256."""
    text = "\x1f".join(map(str, parts))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") >> 1


def data_seed(dataset: str, protocol_seed: int = PROTOCOL_SEED) -> int:
    """Return the seed that a dataset is generated from."""
    return derive("data", protocol_seed, dataset)


def fold_seed(dataset: str, version: int, protocol_seed: int = PROTOCOL_SEED) -> int:
    """Return the seed of fold membership: the same for every method, so that comparison is paired."""
    return derive("folds", protocol_seed, dataset, version)


def training_seed(dataset: str, method: str, fold: int, repetition: int, protocol_seed: int = PROTOCOL_SEED) -> int:
    """Return the seed of one training."""
    return derive("training", protocol_seed, dataset, method, fold, repetition)
