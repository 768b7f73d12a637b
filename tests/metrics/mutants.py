"""Runs tests once for each fault, planted into a module's source as it is imported.

    python mutants.py < [{"fault": …, "module": …, "old": …, "new": …, "tests": [file, …]}, …]

Prints one line of JSON for each fault: pytest's exit status and its output. What all of them import is imported once; each runs
in a fork of that process, so that no fault meets another's modules.
"""

import gc
import importlib.abc
import importlib.machinery
import json
import os
import sys
import tempfile
import traceback

import exponax  # noqa: F401
import hypothesis
import pytest
import scipy.fft
import scipy.stats  # noqa: F401
import scoringrules  # noqa: F401
import xarray  # noqa: F401

OPTIONS = [
    "-x",
    "-q",
    "-n",
    "0",
    "-p",
    "no:cacheprovider",
    "-p",
    "no:anyio",
    "-W",
    "ignore::pytest.PytestAssertRewriteWarning",
]


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


def tried(mutant: dict) -> dict:
    """Run the tests in a fork that has the fault."""
    with tempfile.TemporaryFile() as output:
        child = os.fork()
        if child == 0:
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
            status = 70
            try:
                sys.meta_path.insert(0, Planter(mutant["module"], mutant["old"], mutant["new"]))
                status = int(pytest.main([*OPTIONS, *mutant["tests"]]))
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(status)
        _, status = os.waitpid(child, 0)
        output.seek(0)
        text = output.read().decode(errors="replace")
    return {"fault": mutant["fault"], "status": os.waitstatus_to_exitcode(status), "output": text}


if __name__ == "__main__":
    assert not [m for m in sys.modules if m.startswith("sciml_bench.metrics")], "a fault could not be planted any more"
    # No fault is planted to be explained: shrinking its example takes seconds.
    hypothesis.settings.register_profile("found", phases=[hypothesis.Phase.generate], database=None)
    hypothesis.settings.load_profile("found")
    gc.freeze()  # pytest collects garbage at its end, and all of this would be looked at in each fork
    for one in json.load(sys.stdin):
        print(json.dumps(tried(one)), flush=True)
