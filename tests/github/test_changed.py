"""What a pull request changes and is put through: no name, removal or printed word of it goes unseen."""

import html
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from sciml_bench.cli import new

from . import test_scripts as shared

script, call, commit, git, write = shared.script, shared.call, shared.commit, shared.git, shared.write
repository = shared.repository
pytestmark = shared.pytestmark
LOUD = """
import os
print("darcy")
os.write(1, b"burgers")
os.system("echo nothing")
__import__("ctypes").CDLL(None).printf(b"borehole")
"""


@pytest.mark.parametrize("said", ["loading\n[]", "[1]", '{"ending": "passed"}', "{}", "[]", "null", ""])
def test_an_answer_of_the_check_that_is_none_fails_the_pull_request(said, monkeypatch):
    module = script("pull_request", monkeypatch)
    monkeypatch.setattr(module, "sciml_bench", lambda *words: subprocess.CompletedProcess(words, 0, said))
    found = module.conformance("own")
    assert (found["passed"], len(found["failed"])) == (0, 1)
    assert "ended without an answer" in found["failed"][0]


def test_a_dataset_is_checked_on_no_other(monkeypatch):
    module = script("pull_request", monkeypatch)
    ended = [{"check": "laws_hold", "subject": s, "ending": "failed", "sentence": "no"} for s in ("", "darcy")]
    monkeypatch.setattr(module, "sciml_bench", lambda *words: subprocess.CompletedProcess(words, 1, json.dumps(ended)))
    assert module.conformance("own")["failed"] == ["laws_hold: no", "laws_hold on darcy: no"]


def test_what_a_method_prints_is_no_name_of_a_dataset(monkeypatch, method_file):
    path = method_file("loud", "return repeat")
    path.write_text(LOUD + path.read_text())
    module = script("pull_request", monkeypatch)
    monkeypatch.setattr(module, "FITTING", module.FITTING.replace("(sys.argv[1])", "(sys.argv[1], ['borehole'])"))
    assert module.fitting(str(path)) == ["borehole"]


def changed(repository: Path, base: str = "main") -> subprocess.CompletedProcess[str]:
    return call(repository, sys.executable, ".github/scripts/changed.py", base)


def test_a_file_whose_name_no_plugin_can_have_is_told(repository):
    odd = [
        "datasets/_1.py",
        "methods/MyNet.py",
        "methods/My/__init__.py",
        f"methods/{'a' * 62}.py",
        "methods/my-net.py",
    ]
    none = ["methods/__init__.py", "datasets/pack/Notes.txt", "methods/README.md", "methods/My/part.py"]
    for name in (*odd, *none):
        write(repository, name, {"new": 1})
    commit(repository)
    found = json.loads(changed(repository).stdout)
    assert found == {"methods": [], "datasets": ["pack"], "results": [], "odd": sorted(odd)}
    for name in odd:
        (repository / name).unlink()
    commit(repository)
    assert json.loads(changed(repository).stdout)["odd"] == []


def test_a_file_that_is_not_checked_fails_the_pull_request_and_is_in_the_comment(tmp_path, monkeypatch):
    module, comment = script("pull_request", monkeypatch), script("comment", monkeypatch)
    odd = ["methods/MyNet.py", f"methods/{'a' * 250}.py", "methods/a\n::error::b.py"]
    monkeypatch.setattr(module, "changed", lambda _: {"methods": [], "datasets": [], "results": [], "odd": odd})
    assert module.main("main", tmp_path) is False
    told = html.unescape(comment.conformance(tmp_path / "checks.json"))
    assert (
        "methods/MyNet.py is not checked: expected a lower-case name of up to 61 letters, digits and _, starting with a letter"
        in told
    )
    assert told.count("starting with a letter") == 3
    assert "\n::error" not in told


def test_what_new_writes_is_what_a_pull_request_checks(monkeypatch):
    plugin = script("changed", monkeypatch).PLUGIN
    for name in ("a", "a_1", "a" * 61, "a" * 62, "_", "_1", "__init__", "A", "a-b", "1a", ""):
        assert bool(new.NAME.fullmatch(name)) == bool(plugin.fullmatch(f"methods/{name}.py")), name


def test_records_that_are_only_removed_are_a_change_too(repository):
    (repository / "results" / shared.FILE).unlink()
    (repository / "methods/gone.py").unlink()
    commit(repository)
    found = json.loads(changed(repository).stdout)
    assert found == {"methods": [], "datasets": [], "results": [f"results/{shared.FILE}"], "odd": []}


def test_a_plugin_that_loses_a_part_is_changed_and_one_that_is_gone_is_not(monkeypatch):
    sorted_out = script("changed", monkeypatch).sorted_out
    part, own = ("D", "methods/net/part.py"), ("D", "methods/net/__init__.py")
    assert sorted_out([part])["methods"] == ["net"]
    assert sorted_out([part, own])["methods"] == []
    assert sorted_out([part, own, ("A", "methods/net.py")])["methods"] == ["net"]
    assert sorted_out([("D", "methods/net.py"), ("A", "methods/net/__init__.py")])["methods"] == ["net"]


@pytest.mark.parametrize(("base", "sentence"), [("", "is an empty word"), ("nosuch", "git cannot compare 'nosuch'")])
def test_nothing_to_compare_with_is_refused_in_a_sentence(base, sentence, repository, tmp_path):
    done = changed(repository, base)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1)
    assert sentence in done.stderr
    whole = call(repository, sys.executable, ".github/scripts/pull_request.py", base, str(tmp_path / "found"))
    assert (whole.returncode, whole.stderr) == (1, done.stderr)


@pytest.mark.parametrize("path", shared.WORKFLOWS, ids=lambda p: p.stem)
def test_no_step_goes_on_after_a_command_inside_an_argument_failed(path):
    """`set -e` sees a failure of what an assignment asks for, and none of what an argument asks for."""
    runs = [
        step["run"]
        for job in yaml.safe_load(path.read_text())["jobs"].values()
        for step in job["steps"]
        if "run" in step
    ]
    for line in "\n".join(runs).splitlines():
        assert "$(git" not in line or re.fullmatch(r"\w+=\$\(git .*\)", line.strip()), line


def test_what_a_class_declares_to_fail_is_in_the_comment(tmp_path, monkeypatch):
    module, comment = script("pull_request", monkeypatch), script("comment", monkeypatch)
    outcome = {"check": "repeats_itself", "subject": "burgers", "ending": "declared", "sentence": "<b>lots"}
    said = json.dumps([outcome, {**outcome, "ending": "not reached"}])
    monkeypatch.setattr(module, "sciml_bench", lambda *words: subprocess.CompletedProcess(words, 0, said))
    monkeypatch.setattr(module, "fitting", lambda _: [])
    monkeypatch.setattr(module, "changed", lambda _: {"methods": ["own"], "datasets": [], "results": [], "odd": []})
    assert module.main("main", tmp_path) is True
    told = comment.conformance(tmp_path / "checks.json")
    assert "0 checks passed, 0 failed, 1 fail as declared, 1 not reached" in told
    assert "as declared: <code>repeats&#95;itself on burgers" in told
    assert "<b>" not in told


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
