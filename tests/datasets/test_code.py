"""A dataset's solver and equation stand in no cell's key, its version does: code that changes is noticed here.

Cells of the solver, and of methods that are given the equation, would stay as they are, made by code that is no more. Where no
number of theirs can have changed, `python tests/datasets/test_code.py` writes the new digests; otherwise raise `version`.
"""

import json
from pathlib import Path

from sciml_bench import digest
from sciml_bench.registry import dataset_class, dataset_names

KNOWN = Path(__file__).with_name("code.json")
PUBLISHED = Path(__file__).parents[2] / "results" / "small"


def found() -> dict[str, list[int | str]]:
    """Return dataset → version and digest of its code, comments and layout left out, of those with published results."""
    classes = {n: dataset_class(n) for n in dataset_names() if (PUBLISHED / n).is_dir()}
    return {n: [c.version, digest.of_source(c.__module__, digest.OF_DATASETS)[:16]] for n, c in classes.items()}


def test_a_published_dataset_whose_code_has_changed_has_another_version():
    known, present = json.loads(KNOWN.read_text(encoding="utf-8")), found()
    changed = [n for n in present.keys() | known.keys() if present.get(n) != known.get(n)]
    assert not changed, f"the code of {', '.join(sorted(changed))} has changed: {' '.join((__doc__ or '').split())}"


if __name__ == "__main__":
    KNOWN.write_text(json.dumps(found(), indent=1) + "\n", encoding="utf-8")
