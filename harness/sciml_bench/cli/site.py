"""`sciml-bench site`."""

import time
from pathlib import Path

from rich.console import Console

from ..records.store import Store
from ..site.build import build as build_pages


def build(results: Path, out: Path | None) -> None:
    """Build the pages of a results folder."""
    Store(results).require()
    begun = time.perf_counter()
    index = build_pages(results, out or results / "site")
    Console(stderr=True, highlight=False).print(f"page: {index} [dim]({time.perf_counter() - begun:.1f} s)")
