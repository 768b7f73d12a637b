"""`sciml-bench site`."""

import time
from pathlib import Path

from rich.console import Console

from ..errors import StoreError
from ..paths import full_disk
from ..records.store import Store
from ..site.build import build as build_pages


def build(results: Path, out: Path | None) -> None:
    """Build the pages of a results folder."""
    Store(results).require()
    begun = time.perf_counter()
    try:
        index = build_pages(results, out or results / "site")
    except OSError as error:
        raise StoreError(
            f"the pages could not be written ({full_disk(error) or error}); an older site stands as it was: free space or give "
            "another folder with --out, and run the same command again"
        ) from error
    Console(stderr=True, highlight=False).print(f"page: {index} [dim]({time.perf_counter() - begun:.1f} s)")
