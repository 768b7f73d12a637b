"""`sciml-bench records`."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

import typer
from rich.console import Console
from rich.markup import escape

from ..errors import UsageError
from ..paths import ensure_writable, write_text
from ..ranking.preview import preview as preview_of
from ..records.published import published
from ..records.review import Review, review
from ..records.store import Store


def check(results: Path, *, against: str | None, own: bool, keys: bool, preview: Path | None, as_json: bool) -> None:
    """Review a folder of records, print what is to be said, and end with 1 if anything refuses them."""
    store = Store(results)
    store.require()
    if against is not None and not against.strip():
        raise UsageError(
            "--against is empty; expected a commit or branch, such as main, or leave it out to check every record"
        )
    if preview is not None:
        if preview.is_dir():
            raise UsageError(f"--preview is the folder '{preview}': give the path of a file, as rows.md")
        ensure_writable(preview.parent, "folder of the preview")
    found = review(results, published(results, against) if against is not None else None, own=own)
    if not (found.new or found.findings or (found.base is not None and found.base.blobs)):
        raise store.nothing("")
    if keys:
        _recompute(found)
    if preview is not None:
        write_text(preview, preview_of(found))
    if as_json:
        document = {
            "stands": not found.refused,
            "records": len(found.new),
            "findings": [asdict(f) for f in found.findings],
        }
        json.dump(document, sys.stdout)
        sys.stdout.write("\n")
    else:
        _print(found)
    if found.refused:
        raise typer.Exit(1)


def _print(found: Review) -> None:
    console = Console(highlight=False)
    for finding in found.findings:
        mark = "[red]✗[/]" if finding.refuses else "[yellow]![/]"
        console.print(f"{mark} {escape(str(finding))}", soft_wrap=True)
    files = len({(r.cell.tier, r.cell.dataset, r.cell.method) for r in found.new})
    told = f"{len(found.new)} {'new ' if found.base else ''}records in {files} files may stand"
    console.print(f"{told}, {len(found.refused)} findings refuse" if found.refused else told)


def _recompute(found: Review) -> None:
    from ..running.rekey import expected_key

    unknown = 0
    for record in found.new:
        key = expected_key(record)
        unknown += key is None
        if key is not None and key != record.key:
            found.note(record.row, f"has the key {record.key} for a cell whose key is {key}")
    if unknown:
        sentence = "keys could not be computed again: the data are not in the cache, or the source is another"
        found.note(str(unknown), sentence, refuses=False)
