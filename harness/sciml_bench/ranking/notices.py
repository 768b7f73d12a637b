"""What a reader of a board must know beside its rows."""

from collections.abc import Sequence

from .summary import Row, common_data


def notices(rows: Sequence[Row]) -> list[str]:
    """Return a sentence for each: rows of other data, folds that were not run."""
    found = []
    common = common_data(rows)
    apart = [row.name for row in rows if row.data != common]
    if apart:
        found.append(f"Made from other data than most rows, and held against none of those: {', '.join(apart)}.")
    tried = [r for r in rows if r.applies]  # of a pair that does not fit, a sweep records one cell
    partial = {r.name: len({x.cell.fold for x in r.records}) for r in tried}
    short = [f"{name} {n} of {r.folds}" for (name, n), r in zip(partial.items(), tried, strict=True) if n < r.folds]
    if tried and len(short) == len(tried) and len(set(partial.values())) == 1:
        found.append(f"Every row has {min(partial.values())} of {tried[0].folds} folds.")
    elif short:
        found.append(f"Not all folds were run: {'; '.join(short)}.")
    return found
