"""A night: published cells are run again, and what came of it is added to the drift file.

    nightly.py verify --results results --out NIGHT     on the machine with the GPU: writes NIGHT/drift.jsonl
    nightly.py append --results results --out NIGHT     elsewhere: checks those lines as data and adds them to the results
    nightly.py report --out NIGHT                       prints an issue's text and ends with 1 if anything drifted

Cells that no night has seen come first after a rotating sample: those that were checked longest ago. One night at a time.
"""

import argparse
import fcntl
import hashlib
import math
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sciml_bench.cli.progress import Screen
from sciml_bench.errors import SciMLBenchError, UsageError
from sciml_bench.paths import cache_folder
from sciml_bench.raised import told
from sciml_bench.ranking.preview import code
from sciml_bench.ranking.summary import shown
from sciml_bench.records import drift, provenance
from sciml_bench.records.drift import Drift
from sciml_bench.records.record import Record
from sciml_bench.records.store import Store
from sciml_bench.running.plan import pick_device
from sciml_bench.running.verify import ROUNDING, Checked, Verifier, frameworks, tolerances


def choose(records: Sequence[Record], seen: Sequence[Drift], sample: int) -> list[Record]:
    """Return `sample` cells that were checked longest ago, and then all that were never checked.

    Ties are broken by a hash, so that a night meets many rows and not one row's folds.
    """
    last: dict[str, str] = {}
    for entry in seen:
        last[entry.key] = max(entry.date, last.get(entry.key, ""))

    def order(record: Record) -> tuple[str, str]:
        return last.get(record.key, ""), hashlib.sha256(record.key.encode()).hexdigest()

    cells = sorted((r for r in records if r.status != "not_applicable" and r.cell.tier != "file"), key=order)
    fresh = [r for r in cells if r.key not in last]
    return [r for r in cells if r.key in last][:sample] + fresh


def entry(checked: Checked, row: Sequence[Record], date: str) -> Drift:
    """Return the line of one checked cell."""
    record, again = checked.record, checked.again
    published = record.scores.get(record.primary)
    found = again.scores.get(record.primary) if again is not None else None
    tolerance = None if published is None else tolerances(record, row, again)[record.primary]
    if checked.verdict == "identical" and published is not None:
        tolerance = ROUNDING * abs(published)
    device = again.provenance.accelerator if again is not None else None
    head, _ = provenance.commit()
    return Drift(
        date=date,
        commit=head,
        key=record.key,
        row=record.row,
        dataset=record.cell.dataset,
        fold=record.cell.fold,
        published=published,
        found=found if found is None or math.isfinite(found) else None,
        tolerance=tolerance if tolerance is None or math.isfinite(tolerance) else None,
        verdict=checked.verdict,
        hardware=device or provenance.processor(),
    )


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold the lock that keeps two nights apart; the system releases it even if this process is killed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", encoding="utf-8") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UsageError("another night is still running on this machine; nothing was done") from error
        yield


def verify(results: Path, out: Path, sample: int, minutes: float) -> None:
    """Run cells again until all chosen ones are done or the time is up; every line is kept as soon as it is known."""
    records = shown(Store(results).records())
    here = {"cpu", pick_device("auto")}
    chosen = choose([r for r in records if r.cell.device in here], drift.read(results / drift.FILE), sample)
    date, begun, done = datetime.now(UTC).date().isoformat(), time.monotonic(), 0
    with Screen() as screen:
        verifier = Verifier(records, screen, frameworks(chosen))
        screen.expect(len(chosen))
        for record in chosen:
            if time.monotonic() - begun > 60 * minutes:
                break
            drift.append(out / drift.FILE, [entry(_run_again(verifier, record), verifier.row(record), date)])
            done += 1
    print(f"{done} of {len(chosen)} cells were run again; the others wait for the next night")


def _run_again(verifier: Verifier, record: Record) -> Checked:
    """Run a cell again; whatever goes wrong with one is a finding, and the night goes on with the others."""
    try:
        return verifier.run_again(record)
    except Exception as error:
        return Checked(record=record, verdict="failed", reason=told(error))


def report(found: Sequence[Drift]) -> str:
    """Return the text of an issue about cells that no longer stand, or ""."""
    bad = [d for d in found if not d.stands]
    if not bad:
        return ""
    heads = ("cell", "row", "dataset", "fold", "published", "found", "tolerance", "verdict", "hardware")
    lines = [f"{len(bad)} of {len(found)} cells that were run again do not give what was published.", ""]
    lines += [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    for d in bad:
        numbers = ("–" if v is None else f"{v:.6g}" for v in (d.published, d.found, d.tolerance))
        words = (code(d.key), code(d.row), code(d.dataset), str(d.fold), *numbers, d.verdict, code(d.hardware))
        lines.append(f"| {' | '.join(words)} |")
    return "\n".join(lines)


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="nightly.py", description="Run published cells again.")
    parser.add_argument("step", choices=("verify", "append", "report"))
    parser.add_argument("--results", type=Path, default=Path("results"))
    parser.add_argument("--out", type=Path, required=True, help="folder of this night's findings")
    parser.add_argument("--sample", type=int, default=20, help="cells that were checked before")
    parser.add_argument("--minutes", type=float, default=240, help="no further cell is begun after this")
    given = parser.parse_args()
    if given.step == "verify":
        with alone(cache_folder() / "nightly.lock"):
            verify(given.results, given.out, given.sample, given.minutes)
    elif given.step == "append":
        had = drift.read(given.results / drift.FILE)
        drift.append(given.results / drift.FILE, [d for d in drift.read(given.out / drift.FILE) if d not in had])
    else:
        text = report(drift.read(given.out / drift.FILE))
        print(text)
        sys.exit(bool(text))


if __name__ == "__main__":
    try:
        main()
    except SciMLBenchError as error:
        print(f"nightly.py: {error}", file=sys.stderr)
        sys.exit(2)
