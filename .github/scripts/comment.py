"""The comment on a pull request: `comment.py FOUND SUBMITTED BASE OUT.md`, in a checkout of main.

FOUND is what `pull_request.py` left, made by contributed code: read as data, within limits. SUBMITTED is the branch's results
folder, inside this checkout, reviewed here by main's own code against the commit BASE. Ends with 1 if that refuses it.
"""

import json
import sys
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from sciml_bench.ranking.preview import code, preview
from sciml_bench.records.published import published
from sciml_bench.records.review import review

MARK = "<!-- sciml-bench: what this pull request changes -->"
LIMIT = 60_000
"""Characters; GitHub takes 65,536."""
CHECKS_BYTES = 2**20


class Checked(BaseModel):
    """What the contract says of one changed method or dataset."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=100)
    passed: int = Field(ge=0)
    failed: list[str] = Field(max_length=500)


def conformance(path: Path) -> str:
    """Return the contract's verdicts, or the sentence that says why there are none."""
    if not path.is_file() or path.is_symlink() or path.stat().st_size > CHECKS_BYTES:
        return "The contract was not checked to the end: see the log of the pull request's own run."
    try:
        checks = TypeAdapter(list[Checked]).validate_json(path.read_bytes())
    except ValidationError:
        return "What the pull request's own run left is not what it should be: see its log."
    lines = [f"- {code(c.name)}: {c.passed} checks passed, {len(c.failed)} failed" for c in checks]
    lines += [f"  - {code(sentence)}" for c in checks for sentence in c.failed[:20]]
    return "\n".join(lines) or "No method or dataset is changed."


def compose(found: Path, submitted: Path, base: str) -> tuple[str, bool]:
    """Return the comment, and whether the submitted records may stand."""
    reviewed = review(submitted, published(submitted, base), commit=True)
    tried = review(found / "smoke") if (found / "smoke").is_dir() else None
    parts = [
        MARK,
        "## Submitted records",
        preview(reviewed),
        "## Contract",
        conformance(found / "checks.json"),
        "## Smoke tier",
        "Run by the pull request's own code: an impression, not a result.",
        "Nothing was run." if tried is None else preview(tried),
    ]
    text = "\n\n".join(parts)
    if len(text) > LIMIT:
        text = f"{text[:LIMIT].rpartition(chr(10))[0]}\n\nThe rest is left out: the log has it.\n"
    return text, not reviewed.refused


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(
            "comment.py: expected four arguments: what was found, the submitted results, a commit, and a file to write"
        )
    text, stands = compose(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
    Path(sys.argv[4]).write_text(text, encoding="utf-8")
    print(json.dumps({"stands": stands}))
    sys.exit(not stands)
