"""The steps of the workflows, run here as they run there; git is real, docker and gh note what they are told."""

import html
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from sciml_bench._layout import PACKAGE
from sciml_bench.errors import StoreError, UsageError
from sciml_bench.records import drift
from sciml_bench.records.record import Record
from sciml_bench.running.verify import Checked

GITHUB = PACKAGE.parent.parent / ".github"
SCRIPTS = GITHUB / "scripts"
pytestmark = pytest.mark.skipif(not SCRIPTS.is_dir(), reason="outside of a checkout")


def script(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    spec = importlib.util.spec_from_file_location(f"script_{name}", SCRIPTS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


def sibling(name: str) -> ModuleType:
    """Load a module of the tests by its path."""
    path = Path(__file__).parent.parent / name
    spec = importlib.util.spec_from_file_location(f"sibling_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


review_tests = sibling("records/test_review.py")
git, line, write, FILE = review_tests.git, review_tests.line, review_tests.write, review_tests.FILE


def call(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    who = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b"}
    whole = {**os.environ, "PATH": path, "PYTHONPATH": str(PACKAGE.parent), **who, **environment}
    return subprocess.run(words, cwd=folder, env=whole, capture_output=True, text=True, check=False)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with the scripts, two methods and three published records."""
    folder = tmp_path / "main"
    shutil.copytree(SCRIPTS, folder / ".github" / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("methods/old.py", "methods/gone.py", "methods/pack/__init__.py", "datasets/set.py"):
        write(folder, name)
    write(folder / "results", FILE, line(0), line(1), line(2))
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "published")
    git(folder, "checkout", "-qb", "branch")
    return folder


def commit(folder: Path) -> str:
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "change")
    return call(folder, "git", "rev-parse", "HEAD").stdout.strip()


def test_changed_names_what_a_branch_changes_and_nothing_that_a_shell_could_run(repository):
    write(repository, "methods/new.py", {})
    write(repository, "methods/pack/network.py", {})
    write(repository, "methods/$(touch x).py", {})
    write(repository, "methods/-rf.py", {})
    write(repository, "datasets/set.py", {})
    write(repository / "results", FILE, line(3))
    (repository / "methods/gone.py").unlink()
    commit(repository)
    git(repository, "checkout", "-q", "main")
    write(repository, "methods/old.py", {})  # what main did meanwhile is no change of the branch
    commit(repository)
    git(repository, "checkout", "-q", "branch")
    done = call(repository, sys.executable, ".github/scripts/changed.py", "main")
    assert json.loads(done.stdout) == {
        "methods": ["new", "pack"], "datasets": ["set"], "results": [f"results/{FILE}"],
        "odd": ["methods/$(touch x).py", "methods/-rf.py"],
    }  # fmt: skip


def test_a_pull_request_runs_what_it_changes_and_fails_with_any_of_it(tmp_path, monkeypatch):
    module = script("pull_request", monkeypatch)
    outcome = {"check": "same_seed", "subject": "burgers", "ending": "failed", "sentence": "it differs"}
    asked = []

    def answer(*words: str) -> subprocess.CompletedProcess[str]:
        asked.append(words[:5])
        return subprocess.CompletedProcess(words, 0, json.dumps([outcome, {**outcome, "ending": "passed"}]))

    monkeypatch.setattr(module, "changed", lambda _: {"methods": ["own"], "datasets": [], "results": ["r"], "odd": []})
    monkeypatch.setattr(module, "fitting", lambda method: ["burgers", "darcy"])
    monkeypatch.setattr(module, "sciml_bench", answer)
    assert module.main("main", tmp_path) is False
    assert asked == [
        ("check", "own", "--json"),
        ("run", "-m", "own", "-d", "burgers"),
        ("run", "-m", "own", "-d", "darcy"),
        ("records", "check", "--against", "main", "--results"),
    ]
    found = json.loads((tmp_path / "checks.json").read_text())
    assert found == [module.verdict("own", 1, ["same_seed on burgers: it differs"], [])]
    outcome["ending"] = "passed"
    assert module.main("main", tmp_path) is True


def test_records_are_reviewed_by_mains_code_and_nothing_else_of_a_branch_is_touched(repository, tmp_path):
    edited = repository / "results" / FILE
    edited.write_text(edited.read_text().replace("0.21", "0.01"))
    pwned = tmp_path / "pwned"
    (repository / ".github/scripts/comment.py").write_text(f"open({str(pwned)!r}, 'w')")
    write(repository, "sitecustomize.py").write_text(f"open({str(pwned)!r}, 'w')")
    head = commit(repository)
    git(repository, "checkout", "-q", "main")
    found = tmp_path / "found"
    write(found / "smoke", "smoke/burgers/own.jsonl", line(0, cell__tier="smoke"))
    (found / "checks.json").write_text(json.dumps([{"name": "<b>own</b>", "passed": 3, "failed": ["a | b"]}]))
    done = call(repository, "bash", ".github/scripts/review.sh", head, str(found), str(tmp_path / "out.md"))
    assert (done.returncode, json.loads(done.stdout or "{}")) == (1, {"stands": False}), done.stderr
    text = (tmp_path / "out.md").read_text()
    assert "line 2 was edited or removed" in text.replace("&#58;", ":")
    assert "<b>" not in text
    assert "3 checks passed, 1 failed" in text
    assert "| <code>own</code> | 1 of 1 |" in text
    assert not pwned.exists()


def test_no_attribute_of_a_branch_hides_or_changes_what_is_reviewed(repository, tmp_path):
    hidden = write(
        repository / "results", "small/burgers/zz.jsonl", line(0, "zz", key="e" * 16, provenance__badge="reproduced")
    )
    (repository / ".gitattributes").write_text("results/small/burgers/zz.jsonl export-ignore\n*.jsonl eol=crlf ident\n")
    write(repository / "results", "small/burgers/checkpoints/evil.pkl", {})
    git(repository, "add", "-f", "results")
    head = commit(repository)
    stored = subprocess.run(
        ["git", "-C", repository, "show", f"{head}:results/{FILE}"], capture_output=True, check=True
    )
    assert hidden.exists()
    git(repository, "checkout", "-q", "main")
    done = call(repository, "bash", ".github/scripts/review.sh", head, str(tmp_path / "none"), str(tmp_path / "out.md"))
    assert (done.returncode, json.loads(done.stdout or "{}")) == (1, {"stands": False}), done.stderr
    text = html.unescape((tmp_path / "out.md").read_text())
    assert "self-reported until the project has run it again" in text
    assert "evil.pkl" in text
    assert "does not belong here" in text
    assert (repository / "results" / FILE).read_bytes() == stored.stdout


@pytest.mark.parametrize("content", ["[{}]", "not json", '{"a": 1}', " " * (2**20 + 1)])
def test_what_contributed_code_left_is_read_within_limits(content, tmp_path, monkeypatch):
    (tmp_path / "checks.json").write_text(content)
    said = script("comment", monkeypatch).conformance(tmp_path / "checks.json")
    assert said.startswith(("What the pull request's own run left is not", "The contract was not checked"))


def stand_in(folder: Path, name: str, body: str = "") -> Path:
    path = folder / "bin" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f'#!/usr/bin/env bash\nprintf "%s\\n" "$*" >>"{folder}/{name}.log"\n{body}\n')
    path.chmod(0o755)
    return path.parent


OUT, TWICE = "a file whose name leads out of results", "two files of one name: 'results/link'"


@pytest.mark.parametrize(
    ("folders", "kind", "sentence"),
    [(("..", "harness"), "tree", OUT), (("link",), "tree", OUT), (("link",), "blob", TWICE)],
)
def test_no_name_of_a_branch_leads_out_of_the_results(folders, kind, sentence, tmp_path):
    """Git's own commands make no such tree, but anybody can."""

    def keep(kind: str, content: bytes) -> bytes:
        words = ["git", "hash-object", "-w", "-t", kind, "--stdin", "--literally"]
        return bytes.fromhex(
            subprocess.run(words, cwd=tmp_path, input=content, capture_output=True, check=True).stdout.decode()
        )

    def tree(*entries: tuple[str, str, bytes]) -> bytes:
        return keep("tree", b"".join(f"{mode} {name}\0".encode() + number for mode, name, number in entries))

    git(tmp_path, "init", "-q")
    text, way = keep("blob", b"print('no')"), keep("blob", b"../harness" if kind == "tree" else b"../harness/x.py")
    mode, number = ("40000", tree(("100644", "x.py", text))) if kind == "tree" else ("100644", text)
    for name in reversed(folders):
        number = tree(*[("120000", name, way)] * (name == "link"), (mode, name, number))
    made = call(tmp_path, "git", "commit-tree", "-m", "out", tree(("40000", "results", number)).hex())
    (tmp_path / "harness").mkdir()
    done = call(tmp_path, sys.executable, str(SCRIPTS / "blobs.py"), made.stdout.strip(), "results")
    assert done.returncode == 1, done.stderr
    assert sentence in done.stderr
    assert not [*(tmp_path / "harness").iterdir()]


def test_contributed_code_gets_neither_network_nor_secrets_nor_a_way_to_write(tmp_path):
    bin_ = stand_in(tmp_path, "docker")
    (tmp_path / "out").mkdir()
    path = f"{bin_}:{os.environ['PATH']}"
    words = ("bash", str(SCRIPTS / "contained.sh"), ".", "out", "abc")
    done = call(tmp_path, "env", f"PATH={path}", *words, GITHUB_TOKEN="secret", GPUS="")
    assert done.returncode == 0, done.stderr
    told = (tmp_path / "docker.log").read_text()
    for part in ("--network none", "--cap-drop ALL", "--read-only", "no-new-privileges", f"{tmp_path}:/checkout:ro"):
        assert part in told
    assert not [word for word in ("secret", "TOKEN") if word in told]
    asked, ran, ended = told.strip().splitlines()
    assert asked == "image inspect sciml-bench:main"
    assert ran.endswith("pull_request.py abc /out")
    name = ran.partition("--name ")[2].split()[0]
    assert ended == f"kill {name}"  # the limit ends the client, this the container


def test_a_comment_is_posted_once_and_then_renewed(tmp_path):
    (tmp_path / "c.md").write_text("<!-- mark -->\nbody")
    for comments, verb in (("", "POST repos/o/r/issues/7/comments"), ("11", "PATCH repos/o/r/issues/comments/11")):
        body = f'case "$*" in "pr list"*) echo 7;; *--paginate*) echo "{comments}";; esac'
        path = f"{stand_in(tmp_path, 'gh', body)}:{os.environ['PATH']}"
        done = call(tmp_path, "env", f"PATH={path}", "bash", str(SCRIPTS / "post.sh"), "o/r", "abc", "c.md")
        assert done.returncode == 0, done.stderr
        assert f"api --method {verb} -F body=@c.md" in (tmp_path / "gh.log").read_text()


def test_a_push_goes_on_top_of_what_others_pushed_and_needs_nobodys_name(repository, tmp_path):
    git(repository, "checkout", "-q", "main")
    subprocess.run(["git", "clone", "-q", "--bare", str(repository), str(tmp_path / "origin")], check=True)
    for name in ("one", "two"):
        subprocess.run(["git", "clone", "-q", str(tmp_path / "origin"), str(tmp_path / name)], check=True)
        write(tmp_path / name, f"results/{name}", {})
    nameless = ("env", *(f"--unset=GIT_{who}_{what}" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")))
    known = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "user.useConfigOnly", "GIT_CONFIG_VALUE_0": "true"}
    known |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    nothing = [("two", "two"), ("two", "none")]
    for name, file in [("one", "one"), ("two", "two"), *nothing]:
        words = (*nameless, "bash", str(SCRIPTS / "push.sh"), f"results/{file}", "say why")
        done = call(tmp_path / name, *words, **known)
        assert done.returncode == 0, done.stderr
    log = call(tmp_path / "origin", "git", "log", "--format=%s", "main").stdout.split("\n")
    assert log[:3] == ["say why", "say why", "published"]


def records(n: int) -> list[Record]:
    return [Record.model_validate(line(i % 5, f"m{i // 5}", key=f"{i:016x}")) for i in range(n)]


def entry(record: Record, date: str, verdict: str = "identical") -> drift.Drift:
    return drift.Drift(
        date=date, commit=None, key=record.key, row=record.row, dataset="burgers", fold=record.cell.fold,
        published=0.2, found=0.3, tolerance=0.01, verdict=verdict, hardware="p",
    )  # fmt: skip


def test_nights_rotate_through_all_cells_and_take_every_one_that_none_has_seen(monkeypatch):
    choose = script("nightly", monkeypatch).choose
    cells = records(20)
    seen = [entry(r, "2026-01-01") for r in cells[:15]]
    first = choose(cells, seen, 4)
    assert {r.key for r in first[4:]} == {r.key for r in cells[15:]}
    counts = dict.fromkeys((r.key for r in cells), 0)
    for day in range(2, 12):
        night = choose(cells, seen, 4)
        seen += [entry(r, f"2026-01-{day:02}") for r in night]
        for r in night:
            counts[r.key] += 1
    assert sorted(set(counts.values())) in ([2], [2, 3]), counts
    assert len({r.row for r in first[:4]}) > 1


def test_a_night_keeps_each_line_and_a_report_names_what_drifted(tmp_path, monkeypatch, capsys):
    nightly = script("nightly", monkeypatch)
    first, second = records(2)
    write(tmp_path / "results", "small/burgers/m0.jsonl", *(json.loads(r.to_line()) for r in (first, second)))

    class Verifier:
        def __init__(self, *_):
            pass

        def row(self, record):
            return [first, second]

        def run_again(self, record):
            if record.key == second.key:
                return Checked(record=record, verdict="failed", reason="it stopped")
            again = record.model_copy(update={"scores": {"rel_l2": 0.9}})
            return Checked(record=record, verdict="drifted", reason="off", again=again)

    monkeypatch.setattr(nightly, "Verifier", Verifier)
    nightly.verify(tmp_path / "results", tmp_path / "night", 5, 60)
    monkeypatch.setattr(
        sys, "argv", ["nightly.py", "append", "--results", str(tmp_path / "results"), "--out", str(tmp_path / "night")]
    )
    nightly.main()
    lines = [json.loads(text) for text in (tmp_path / "results/drift.jsonl").read_text().splitlines()]
    fields = [
        "date",
        "commit",
        "key",
        "row",
        "dataset",
        "fold",
        "published",
        "found",
        "tolerance",
        "verdict",
        "hardware",
    ]
    assert [list(text) for text in lines] == [fields, fields]
    by_key = {text["key"]: text for text in lines}
    assert (by_key[first.key]["found"], by_key[second.key]["found"]) == (0.9, None)
    text = nightly.report(drift.read(tmp_path / "results/drift.jsonl"))
    assert "2 of 2 cells that were run again do not give what was published" in text
    assert "| 0 | 0.2 | 0.9 |" in text
    assert nightly.report([entry(first, "2026-01-01")]) == ""


def test_what_unicode_calls_the_end_of_a_line_is_none_in_a_nights_findings(tmp_path):
    (tmp_path / drift.FILE).write_text("")
    assert drift.read(tmp_path / drift.FILE) == []
    told = entry(records(1)[0], "2026-01-01").model_copy(update={"row": "net(a=\u2028b)"})
    drift.append(tmp_path / drift.FILE, [told])
    assert drift.read(tmp_path / drift.FILE) == [told]


def test_a_line_that_is_no_nights_finding_is_refused(tmp_path):
    drift.append(tmp_path / drift.FILE, [entry(records(1)[0], "2026-01-01")])
    document = json.loads((tmp_path / drift.FILE).read_text())
    for change in ({"row": "a\nb"}, {"extra": 1}, {"found": float("nan")}, {"verdict": "fine"}, {"date": "today"}):
        (tmp_path / drift.FILE).write_text(json.dumps({**document, **change}) + "\n")
        with pytest.raises(StoreError, match=f"line 1 is not a night's finding: {next(iter(change))}"):
            drift.read(tmp_path / drift.FILE)


def test_two_nights_do_not_meet(tmp_path, monkeypatch):
    nightly = script("nightly", monkeypatch)
    with (
        nightly.alone(tmp_path / "lock"),
        pytest.raises(UsageError, match="another night is still running"),
        nightly.alone(tmp_path / "lock"),
    ):
        pass
    with nightly.alone(tmp_path / "lock"):
        pass


WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))


def jobs(path: Path) -> list[dict]:
    return list(yaml.safe_load(path.read_text())["jobs"].values())


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda p: p.stem)
def test_workflows_pin_actions_name_their_rights_and_call_scripts_that_are_there(path):
    assert "permissions" in yaml.safe_load(path.read_text())
    for name in re.findall(r"\.github/scripts/[\w.]+", path.read_text()):
        assert (GITHUB.parent / name).is_file(), name
    for step in [step for job in jobs(path) for step in job["steps"]]:
        assert "uses" not in step or re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}", step["uses"]), step
        assert "${{" not in step.get("run", ""), "an expression inside a script is an injection: pass it through env"


def test_a_job_that_checks_out_a_branch_may_write_nothing():
    met = 0
    for job in [job for path in WORKFLOWS for job in jobs(path)]:
        checkouts = [step["with"] for step in job["steps"] if "checkout@" in step.get("uses", "") and "with" in step]
        if any("pull_request.head" in given.get("ref", "") for given in checkouts):
            met += 1
            assert set(job.get("permissions", {"contents": "read"}).values()) == {"read"}
            assert all(given["persist-credentials"] is False for given in checkouts)
            assert "secrets." not in str(job)
            assert "github.token" not in str(job)
    assert met == 2


@pytest.mark.skipif(shutil.which("actionlint") is None, reason="actionlint is not installed")
def test_actionlint_finds_nothing():
    done = subprocess.run(["actionlint"], cwd=GITHUB.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
