"""The edges of graphs that lie one behind the other: finding neighbours, and joining them both ways."""

import numpy as np


def both_ways(pairs: np.ndarray, nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Return every pair (edge, 2) in both directions, once, in order, and the number of the given edge that each comes from."""
    keys = np.concatenate([pairs[:, 0] * nodes + pairs[:, 1], pairs[:, 1] * nodes + pairs[:, 0]])
    unique, first = np.unique(keys, return_index=True)
    return np.stack([unique // nodes, unique % nodes], axis=1), first % max(1, len(pairs))


def neighbours(positions: np.ndarray, counts: np.ndarray, radius: float, nearest: int) -> np.ndarray:
    """Return the pairs (edge, 2) of nodes of one graph within `radius`, or if that is 0 `nearest` to each other, both ways."""
    from scipy.spatial import cKDTree

    found, start = [], 0
    for size in counts:
        part = positions[start : start + size]
        if radius > 0:
            local = cKDTree(part).query_pairs(radius, output_type="ndarray").astype(np.int64)
        elif size <= nearest + 1:
            local = np.stack(np.triu_indices(size, 1), axis=1)
        else:
            near = cKDTree(part).query(part, nearest + 1)[1]
            local = np.stack([np.repeat(np.arange(size), nearest + 1), near.ravel()], axis=1)
            local = local[local[:, 0] != local[:, 1]]
        found.append(local + start)
        start += size
    return both_ways(np.concatenate(found), len(positions))[0]
