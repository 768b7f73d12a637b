"""Digests: of plain data, of arrays and of source code."""

import ast
import functools
import hashlib
import importlib.util
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr


def of_data(value: Any) -> str:
    """Return the sha256 of plain data, independent of the order of keys."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def of_arrays(data: xr.Dataset) -> str:
    """Return the sha256 of the names, dimensions, types and bytes of all variables, attributes left out."""
    total = hashlib.sha256()
    for name in sorted(map(str, data.variables)):
        variable = data.variables[name]
        total.update(repr((name, variable.dims, variable.shape, variable.dtype.str)).encode())
        total.update(np.ascontiguousarray(variable.values).data)
    return total.hexdigest()


OF_METHODS, OF_DATASETS = "sciml_bench.method.", "sciml_bench.problem."
"""The parts of the package that decide what methods predict, and what datasets make."""


def of_source(module_name: str, shared: str = OF_METHODS) -> str:
    """Return the digest of a plugin's source: its own module or folder and the parts of the package that it builds on.

    Comments, docstrings and layout do not count, nor what a class says of itself without deciding a prediction: the words of
    its card, and `tiers` and `search`, from which hyperparameters are chosen, as those stand in the cell themselves. Of the
    package, only modules whose names begin with `shared` count: what a method trains with decides its predictions. Follows
    imports, also those inside functions.
    """
    total = hashlib.sha256()
    for name, path in sorted(_closure(module_name, shared).items()):
        # A user's own file is named by its content alone, so that moving it changes nothing.
        label = name if name.startswith("sciml_bench.") else path.name
        total.update(f"{label}\n{_normalised(path.read_text(encoding='utf-8'))}\n".encode())
    return total.hexdigest()


def _closure(module_name: str, shared: str) -> Mapping[str, Path]:
    seen: dict[str, Path] = {}
    waiting = [module_name]
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        found = importlib.util.find_spec(name)  # which imports its package alone: a module may take seconds
        if found is None or not found.has_location or found.origin is None:
            continue
        path = seen[name] = Path(found.origin)
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        waiting += [n for n in _imports(path, package) if _counts(n, module_name, shared)]
    return seen


def _counts(name: str, plugin: str, shared: str) -> bool:
    built_on = name.startswith(shared) and name != "sciml_bench.method.contract"
    return built_on or name.startswith(f"{plugin}.")


def _imports(path: Path, package: str) -> Iterator[str]:
    """Yield the absolute names of all modules that a file may import."""
    for relative, names in _import_statements(path.read_text(encoding="utf-8")):
        if relative is None:
            yield from names
            continue
        base = importlib.util.resolve_name(relative, package) if relative.startswith(".") else relative
        yield base
        if base.startswith("sciml_bench") and _is_package(base):
            yield from (f"{base}.{n}" for n in names if importlib.util.find_spec(f"{base}.{n}"))


@functools.cache  # the methods build on the same few files
def _import_statements(source: str) -> tuple[tuple[str | None, tuple[str, ...]], ...]:
    """Return (whence, names) of each import of a file, whence being None for a plain `import`."""
    found: list[tuple[str | None, tuple[str, ...]]] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found.append((None, tuple(a.name for a in node.names)))
        elif isinstance(node, ast.ImportFrom):
            found.append(("." * node.level + (node.module or ""), tuple(a.name for a in node.names)))
    return tuple(found)


def _is_package(name: str) -> bool:
    try:
        found = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return False
    return found is not None and found.submodule_search_locations is not None


WORDS = frozenset({"title", "summary", "description", "sources"})
CHOICES = frozenset({"tiers", "search"})


@functools.cache
def _normalised(source: str) -> str:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            node.body = [s for s in node.body if _assigned(s) not in CHOICES] or [ast.Pass()]
            for call in (
                s.value for s in node.body if isinstance(s, ast.Assign | ast.AnnAssign) and _assigned(s) == "card"
            ):
                if isinstance(call, ast.Call):
                    call.keywords = [k for k in call.keywords if k.arg not in WORDS]
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            first = body[0].value
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                node.body = body[1:] or [ast.Pass()]  # type: ignore[attr-defined]
    return ast.unparse(tree)


def _assigned(statement: ast.stmt) -> str | None:
    """Return the name that a statement gives a value to."""
    target: ast.expr | None = statement.target if isinstance(statement, ast.AnnAssign) else None
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target = statement.targets[0]
    return target.id if isinstance(target, ast.Name) else None
