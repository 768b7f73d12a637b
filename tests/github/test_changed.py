"""What a pull request changes and is put through: no name, removal or printed word of it goes unseen."""

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType

import pytest


def sibling(name: str) -> ModuleType:
    """Load a module of the tests by its path."""
    spec = importlib.util.spec_from_file_location(f"of_{name}", Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


shared = sibling("test_scripts")
script, call, commit, git, write = shared.script, shared.call, shared.commit, shared.git, shared.write
repository = shared.repository
pytestmark = shared.pytestmark


@pytest.mark.parametrize(
    ("more", "read"),
    [({}, True), ({"declared": ["a"] * 30}, True), ({"declared": ["a"] * 501}, False), ({"unreached": -1}, False)],
)
def test_what_is_declared_is_read_within_limits(more, read, tmp_path, monkeypatch):
    (tmp_path / "checks.json").write_text(json.dumps([{"name": "own", "passed": 3, "failed": [], **more}]))
    told = script("comment", monkeypatch).conformance(tmp_path / "checks.json")
    assert told.startswith("- <code>own</code>: 3 checks passed, 0 failed") is read
    assert ("and 10 more" in told) is (len(more.get("declared", [])) == 30)


def test_the_comment_of_the_gpu_and_the_hosted_one_are_two(repository, tmp_path, monkeypatch):
    write(repository, "methods/new.py", {})
    head, heads = commit(repository), []
    git(repository, "checkout", "-q", "main")
    for where in ((), ("gpu",)):
        words = ("bash", ".github/scripts/review.sh", head, str(tmp_path / "none"), str(tmp_path / "out.md"), *where)
        done = call(repository, *words)
        assert done.returncode == 0, done.stderr
        heads.append((tmp_path / "out.md").read_text().partition("\n")[0])
    first, second = heads
    assert not first.startswith(second)
    assert not second.startswith(first)
    gpu = (shared.GITHUB / "workflows/gpu.yml").read_text()
    assert re.search(r'review\.sh .* "\$OUT" gpu\b', gpu)
