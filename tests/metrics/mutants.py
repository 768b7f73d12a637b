"""A pytest plugin that plants one fault into a module's source as it is imported: `SCIML_BENCH_MUTANT="module|old|new"`."""

import importlib.abc
import importlib.machinery
import os
import sys


class Planter(importlib.abc.MetaPathFinder, importlib.abc.SourceLoader):
    """Finds the one module and loads it with its text changed."""

    def __init__(self, module: str, old: str, new: str) -> None:
        self.module, self.old, self.new = module, old, new
        self.path = ""

    def find_spec(self, name, path, target=None):
        if name != self.module:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        self.path = spec.origin
        return importlib.machinery.ModuleSpec(name, self, origin=spec.origin)

    def get_filename(self, fullname):
        return self.path

    def get_data(self, path):
        with open(path, encoding="utf-8") as handle:
            text = handle.read()
        if text.count(self.old) == 0:
            raise AssertionError(f"the fault cannot be planted: {self.old!r} is not in {self.module}")
        return text.replace(self.old, self.new).encode()

    def path_stats(self, path):
        raise OSError  # so that no compiled file is read or written


sys.meta_path.insert(0, Planter(*os.environ["SCIML_BENCH_MUTANT"].split("|")))
