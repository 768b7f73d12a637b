"""What the README shows is what the command takes."""

import re
from pathlib import Path

import pytest

from sciml_bench.registry import dataset_at, method_class, why_not

README = Path(__file__).parents[2] / "README.md"
CONTRIBUTING = Path(__file__).parents[2] / ".github" / "CONTRIBUTING.md"


def block(word: str, page: Path = README) -> str:
    """Return the page's block of Python that holds a word."""
    (found,) = (b for b in re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL) if word in b)
    return found


def test_its_method_passes_the_check(ask, tmp_path):
    (tmp_path / "shrink.py").write_text(block("# shrink.py"), encoding="utf-8")
    done = ask("check", "shrink.py", "-d", "borehole")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"shrink.py on borehole: (\d+) of \1 checks passed", done.stdout)
    refused = ask("check", "shrink.py", "-d", "metal_clusters")
    assert (refused.returncode, "A mean needs numbers of one shape in every sample." in refused.stderr) == (2, True)


def test_its_file_is_one(ask, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(compile(block("waves.h5"), "README.md", "exec"), {})
    done = ask("info", "waves.h5")
    assert (done.returncode, done.stderr) == (0, "")
    assert "(evolution, 100 samples)" in done.stdout


def test_its_graphs_are_a_dataset_that_graph_methods_take(ask, tmp_path):
    (tmp_path / "rings.py").write_text(block("# rings.py", CONTRIBUTING), encoding="utf-8")
    done = ask("check", "rings.py")
    assert (done.returncode, done.stderr) == (0, "")
    assert "0 failed, 1 fail as declared" in done.stdout
    problem = dataset_at(str(tmp_path / "rings.py"), "smoke").problem()
    for method in ("mpnn", "gcn", "gat", "descriptor_ridge", "mean"):
        assert why_not(method_class(method)(), problem) is None
    assert "on the nodes of a mesh" in str(why_not(method_class("fno")(), problem))


@pytest.mark.parametrize("line", sorted({*re.findall(r"`(sciml-bench [^`]+)`", README.read_text(encoding="utf-8"))}))
def test_its_commands_are_known(line, ask):
    words = re.findall(r'"[^"]*"|\S+', line)[1:]
    command = words[:2] if words[0] in ("data", "site", "records") else words[:1]
    told = ask(*command, "--help")
    assert told.returncode == 0
    for option in (w for w in words if w.startswith("-")):
        assert re.search(rf"(^|\s){re.escape(option)}\b", told.stdout), option
