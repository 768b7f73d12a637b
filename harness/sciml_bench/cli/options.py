"""The options that several commands share, each with the words of its help."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ..errors import UsageError
from ..naming import split

RESULTS = Path("runs")


class Tier(StrEnum):
    """The sizes that every dataset comes in."""

    smoke = "smoke"
    small = "small"
    full = "full"


class Shown(StrEnum):
    """What records are of: a tier of a dataset, or a file of the user's own."""

    smoke = "smoke"
    small = "small"
    full = "full"
    file = "file"


class Kind(StrEnum):
    """What can be written anew."""

    method = "method"
    dataset = "dataset"


class Written(StrEnum):
    """What a new method can be written with."""

    numpy = "numpy"
    torch = "torch"


class Listed(StrEnum):
    """What can be listed."""

    methods = "methods"
    datasets = "datasets"
    tracks = "tracks"


def _folder(given: str) -> Path:
    """Return the folder; an empty name, as of a variable that is not set, would mean the present one."""
    if not str(given):
        raise UsageError("--results is empty; expected the path of a folder, such as runs")
    return Path(given)


Results = Annotated[
    Path,
    typer.Option(
        "--results",
        help="Folder of records, pictures and pages.",
        envvar="SCIML_BENCH_RESULTS",
        parser=_folder,
        metavar="<path>",
    ),
]
Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON document on standard output and nothing else there.")
]
TierOption = Annotated[
    Tier, typer.Option("--tier", help="smoke: seconds; small: a laptop; full: as published, on a GPU.")
]
ShownOption = Annotated[
    Shown | None, typer.Option("--tier", help="Only this tier; `file`: only files of your own data.")
]
Cores = Annotated[
    int | None,
    typer.Option(
        help="Cores of each cell; as many cells run at a time as there are cores for. By default 1, and all beside a GPU."
    ),
]
Jobs = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        "-j",
        help="Cells at a time, each on an equal share of the cores. By default one for each core, and 1 on a GPU.",
    ),
]
OnlyDatasets = Annotated[
    list[str] | None, typer.Option("--dataset", "-d", help="Only these datasets, separated by commas.")
]
OnlyFold = Annotated[int | None, typer.Option("--only-fold", help="Run this fold alone, counted from 0.")]
Retry = Annotated[bool, typer.Option("--retry", help="Run cells again whose record says that they failed.")]
OneDevice = Annotated[
    str | None, typer.Option("--device", help="cpu or cuda; by default the one with the most rows of both.")
]
With = Annotated[
    Written | None,
    typer.Option(
        "--framework", help="Of a method: numpy, nearest neighbours; or torch, a network that the shared loop trains."
    ),
]
Device = Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")]


def names(kind: str, words: list[str] | None) -> list[str]:
    """Return each name once: of an option that may be repeated, and may hold several with commas; none where it was left out."""
    found = list(dict.fromkeys(name for word in words or [] for name in split(word)))
    if words and not found:
        raise UsageError(
            f"no {kind} was given: '{' '.join(words)}' holds no name; expected one, or several with commas"
        )
    return found


def plugins(kind: str, words: list[str] | None) -> list[str]:
    """Return the names of methods or datasets, the suite's own under their names where the paths of their files were given."""
    from ..registry import canonical

    return list(dict.fromkeys(map(canonical, names(kind, words))))
