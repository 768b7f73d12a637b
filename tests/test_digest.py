"""What counts as a method's source: what decides its predictions, and nothing else."""

import importlib
import subprocess
import sys

import pytest

from sciml_bench import digest

SOURCE = '''
"""A method."""
from dataclasses import dataclass
from typing import ClassVar

@dataclass(frozen=True)
class One:
    """Says something."""

    card: ClassVar[dict] = dict(title="One", summary="first", uses_data=True)
    tiers: ClassVar[dict] = {"smoke": {"width": 2}}

    width: int = 4

    def fit(self):
        return self.width * 2  # twice
'''


@pytest.fixture
def marked(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))

    def digest_of(source):
        sys.modules.pop("plugin_under_test", None)
        importlib.invalidate_caches()
        (tmp_path / "plugin_under_test.py").write_text(source, encoding="utf-8")
        return digest.of_source("plugin_under_test")

    yield digest_of
    sys.modules.pop("plugin_under_test", None)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Says something.", "Says something else."),
        ("  # twice", ""),
        ('title="One"', 'title="Uno"'),
        ('summary="first"', 'summary="the first"'),
        ('{"width": 2}', '{"width": 3}'),
        ("    width: int = 4\n", '    search: ClassVar[dict] = {"width": (2, 8)}\n    width: int = 4\n'),
    ],
)
def test_words_and_choices_do_not_count(marked, old, new):
    assert old in SOURCE
    assert marked(SOURCE.replace(old, new)) == marked(SOURCE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("self.width * 2", "self.width * 3"),
        ("uses_data=True", "uses_data=False"),
        ("width: int = 4", "width: int = 5"),
        ("import dataclass", "import dataclass, field"),
    ],
)
def test_what_decides_predictions_counts(marked, old, new):
    assert old in SOURCE
    assert marked(SOURCE.replace(old, new)) != marked(SOURCE)


def test_the_parts_that_are_built_on_count_where_they_are_asked_for(marked, tmp_path):
    """What a dataset is made with stands in other files than its own."""
    folder = tmp_path / "parts_under_test"
    folder.mkdir()
    found = []
    for tolerance in ("1e-8", "1e-3"):
        (folder / "solver.py").write_text(f"TOLERANCE = {tolerance}\n")
        alone = marked("from parts_under_test.solver import TOLERANCE\n")
        found.append((alone, digest.of_source("plugin_under_test", "parts_under_test.")))
    (first, first_with), (second, second_with) = found
    assert first == second
    assert first_with != second_with


def test_no_framework_is_imported():
    asked = (
        "import sys; from sciml_bench.registry import method_names; from sciml_bench.running.cell import source_digest; "
        "[source_digest(name) for name in method_names()]; print({'jax', 'torch', 'neuralop'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("set()\n", "")
