"""What each night finds: one line of JSON for each published cell that was run again, in `results/drift.jsonl`."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from ..errors import StoreError
from ..paths import append_line
from .record import METHOD_LENGTH, VARIANT_LENGTH

FILE = "drift.jsonl"
Text = Annotated[str, Field(max_length=METHOD_LENGTH + VARIANT_LENGTH + 2, pattern=r"^[^\x00-\x1f\x7f]*$")]


class Drift(BaseModel):
    """A cell that was run again: its headline score as published and as found, and what came of it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    date: str = Field(pattern=r"^\d{4}-\d{2}-\d{2}$")
    commit: str | None = Field(pattern=r"^[0-9a-f]{7,64}$")
    key: str = Field(pattern=r"^[0-9a-f]{16}$")
    row: Text
    dataset: Text
    fold: int = Field(ge=0)
    published: FiniteFloat | None
    """None where the cell was published as a failure."""
    found: FiniteFloat | None
    tolerance: FiniteFloat | None
    verdict: Literal["identical", "within tolerance", "drifted", "tampered", "outdated", "failed", "skipped"]
    hardware: Text

    @property
    def stands(self) -> bool:
        """Whether the published numbers stand; a cell whose source has changed since says nothing of them."""
        return self.verdict in ("identical", "within tolerance", "skipped", "outdated")


def read(path: Path) -> list[Drift]:
    """Return all lines of a drift file, none if there is none; raises StoreError on a line that is no such thing."""
    if not path.exists():
        return []
    found = []
    text = path.read_text(encoding="utf-8", errors="replace").removesuffix("\n")
    for number, line in enumerate(text.split("\n") if text else (), 1):
        try:
            found.append(Drift.model_validate_json(line))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "the line"
            raise StoreError(f"{path.name} line {number} is not a night's finding: {where}: {first['msg']}") from error
    return found


def append(path: Path, entries: Iterable[Drift]) -> None:
    """Add lines at the end of a drift file."""
    for entry in entries:
        append_line(path, entry.model_dump_json())
