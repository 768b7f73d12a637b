"""`sciml-bench new`."""

import importlib.util
import keyword
import re
import sys
from importlib import resources
from pathlib import Path

from rich.console import Console

from .._layout import root
from ..errors import UsageError
from ..paths import ensure_writable, write_text
from ..registry import dataset_names, method_names

NAME = re.compile(r"[a-z][a-z0-9_]{0,60}")
"""The names of methods and datasets that a pull request can bring: `.github/scripts/changed.py` looks for no others."""


def write(kind: str, name: str, folder: Path | None, framework: str | None = None) -> None:
    """Write the file and say what to do next; never over a file that is there."""
    if framework is not None and kind != "method":
        raise UsageError(f"--framework is '{framework}', but a dataset has none: leave it out")
    words = name.split("_")
    cls = "".join(w.capitalize() for w in words)
    if not NAME.fullmatch(name) or keyword.iskeyword(name) or keyword.iskeyword(cls):
        raise UsageError(
            f"the name is '{name}': expected a lower-case Python name of up to 61 letters, digits and _, starting with a letter, "
            f"such as my_{kind}, which becomes the file's name"
        )
    if name in {*method_names(), *dataset_names()}:
        raise UsageError(f"the suite has a method or dataset called '{name}' already: choose another name")
    _refuse_a_module(name)
    place = folder if folder is not None else _folder(kind)
    path = place / f"{name}.py"
    if path.exists():
        raise UsageError(f"'{path}' exists already: choose another name, or delete that file first")
    ensure_writable(place, "folder")
    template = f"{kind}_torch.txt" if framework == "torch" else f"{kind}.txt"
    text = resources.files(__package__).joinpath("templates", template).read_text(encoding="utf-8")
    title = " ".join(words).capitalize()
    write_text(path, text.format(name=name, title=title, cls=cls))
    shown = name if folder is None and place != Path() else str(path)
    Console(highlight=False).print(
        f"wrote {path}: put words of your own where it says TODO\nnext: sciml-bench check {shown}", soft_wrap=True
    )


def _refuse_a_module(name: str) -> None:
    """Refuse the name of a module that Python or an installed package has: beside the file, imports would find that instead."""
    whose = "Python's own" if name in sys.stdlib_module_names else "an installed" if _is_installed(name) else None
    if whose is not None:
        raise UsageError(
            f"the name is '{name}', that of {whose} module: a program started beside the file {name}.py would import it in place "
            f"of that module; choose another name, such as my_{name}"
        )


def _is_installed(name: str) -> bool:
    """Whether a module of this name stands outside the present folder; imports nothing."""
    try:
        found = importlib.util.find_spec(name)
    except ValueError:  # it is loaded, but does not say from where
        return True
    if found is None:
        return False
    places = found.submodule_search_locations or [found.origin or ""]
    return any(Path(p).resolve().parent != Path.cwd().resolve() for p in places)


def _folder(kind: str) -> Path:
    """Return the suite's folder of such files inside a checkout of it, else the folder that we are in."""
    plugins = root(f"{kind}s")
    here = Path.cwd().resolve()
    return plugins if here in (plugins.parent, *plugins.parents) or plugins.parent in here.parents else Path()
