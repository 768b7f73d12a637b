"""`sciml-bench site`."""

import time
from pathlib import Path

from rich.console import Console

from ..errors import UsageError
from ..site.build import build as build_pages


def build(results: Path, out: Path | None) -> None:
    """Build the pages of a results folder."""
    if not results.is_dir():
        raise UsageError(f"there is no results folder '{results}'; run `sciml-bench run` first or give --results")
    begun = time.perf_counter()
    index = build_pages(results, out or results / "site")
    Console(stderr=True, highlight=False).print(f"page: {index} [dim]({time.perf_counter() - begun:.1f} s)")
