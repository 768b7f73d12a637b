"""The comment on a pull request: `comment.py FOUND SUBMITTED BASE OUT.md [WHERE]`, in a checkout of main.

FOUND is what `pull_request.py` left, made by contributed code: read as data, within limits. SUBMITTED is the branch's results
folder, inside this checkout, reviewed here by main's own code against the commit BASE. Ends with 1 if that refuses it. WHERE the
pull request ran, `hosted` or `gpu`: each has a comment of its own.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from sciml_bench.ranking.preview import code, preview
from sciml_bench.records.published import published
from sciml_bench.records.review import review

MARKS = {
    "hosted": "<!-- sciml-bench: what this pull request changes -->",
    "gpu": "<!-- sciml-bench: what this pull request changes, on the GPU -->",
}
"""The first line of a comment, by which it is found and renewed."""
LIMIT = 60_000
"""Characters; GitHub takes 65,536."""
CHECKS_BYTES = 2**20
SHOWN = 20
"""More sentences than this of one kind are counted, not shown."""


class Checked(BaseModel):
    """What the contract says of one changed method or dataset."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=100)
    passed: int = Field(ge=0)
    failed: list[str] = Field(max_length=500)
    declared: list[str] = Field(default=[], max_length=500)
    """What fails as the class itself says, and why. A branch from before it was told leaves it out."""
    unreached: int = Field(default=0, ge=0)


def conformance(path: Path) -> str:
    """Return the contract's verdicts, or the sentence that says why there are none."""
    if not path.is_file() or path.is_symlink() or path.stat().st_size > CHECKS_BYTES:
        return "The contract was not checked to the end: see the log of the pull request's own run."
    try:
        checks = TypeAdapter(list[Checked]).validate_json(path.read_bytes())
    except ValidationError:
        return "What the pull request's own run left is not what it should be: see its log."
    return "\n".join(line for c in checks for line in _lines(c)) or "No method or dataset is changed."


def _lines(checked: Checked) -> Iterator[str]:
    """Yield how many checks ended in each way, and what is said of those that failed."""
    told = [f"{checked.passed} checks passed, {len(checked.failed)} failed"]
    told += [f"{len(checked.declared)} fail as declared"] if checked.declared else []
    told += [f"{checked.unreached} not reached"] if checked.unreached else []
    yield f"- {code(checked.name)}: {', '.join(told)}"
    for words, sentences in (("", checked.failed), ("as declared: ", checked.declared)):
        yield from (f"  - {words}{code(sentence)}" for sentence in sentences[:SHOWN])
        if len(sentences) > SHOWN:
            yield f"  - {words}and {len(sentences) - SHOWN} more"


def compose(found: Path, submitted: Path, base: str, where: str) -> tuple[str, bool]:
    """Return the comment, and whether the submitted records may stand."""
    reviewed = review(submitted, published(submitted, base), commit=True)
    tried = review(found / "smoke") if (found / "smoke").is_dir() else None
    parts = [
        MARKS[where],
        "## Submitted records",
        preview(reviewed),
        "## Contract",
        conformance(found / "checks.json"),
        "## Smoke tier",
        f"Run by the pull request's own code{' on the GPU' * (where == 'gpu')}: an impression, not a result.",
        "Nothing was run." if tried is None else preview(tried),
    ]
    text = "\n\n".join(parts)
    if len(text) > LIMIT:
        text = f"{text[:LIMIT].rpartition(chr(10))[0]}\n\nThe rest is left out: the log has it.\n"
    return text, not reviewed.refused


if __name__ == "__main__":
    where = "".join(sys.argv[5:]) or "hosted"
    if len(sys.argv) not in (5, 6) or where not in MARKS:
        sys.exit(
            "comment.py: expected four arguments: what was found, the submitted results, a commit, and a file to write; and "
            f"where it ran, {' or '.join(MARKS)}"
        )
    text, stands = compose(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], where)
    Path(sys.argv[4]).write_text(text, encoding="utf-8")
    print(json.dumps({"stands": stands}))
    sys.exit(not stands)
