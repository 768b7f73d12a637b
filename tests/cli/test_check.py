"""The checks run in a process of their own, behind the barrier of a cell: what ends it or writes elsewhere fails them."""

import json

import pytest

from sciml_bench.running.sandbox import SENTENCE

FIRST = "codec = VectorCodec"


@pytest.fixture
def own(ask, tmp_path):
    """Return what writes a method that keeps the contract, with a line more at the beginning of fit."""

    def write(line: str = "pass", top: str = "") -> None:
        path = tmp_path / "own.py"
        path.unlink(missing_ok=True)
        assert ask("new", "method", "own").returncode == 0
        text = path.read_text().replace("TODO: ", "")
        assert text.count(FIRST) == 1
        path.write_text(f"{top}\n{text.replace(FIRST, f'{line}; {FIRST}')}")

    return write


ENDS = {
    "an end that says all is well": (
        "import os; os._exit(0)",
        "the check ended by itself with exit status 0 before it was",
    ),
    "a crash": (
        "import ctypes; ctypes.string_at(0)",
        "the check crashed with SIGSEGV in compiled code before it was done",
    ),
    "a signal": (
        "import os; os.kill(os.getpid(), 9)",
        "the check was ended by SIGKILL from outside (the system may have run",
    ),
}


@pytest.mark.parametrize("case", ENDS)
def test_what_ends_the_process_fails_the_check(ask, own, case):
    line, sentence = ENDS[case]
    own(line)
    done = ask("check", "own.py", "-d", "borehole", "--json")
    assert done.returncode == 1
    *passed, last = json.loads(done.stdout)
    assert {o["ending"] for o in passed} == {"passed"}
    assert (last["check"], last["ending"]) == ("predicts_what_was_declared", "failed")
    assert sentence in last["sentence"]


def test_what_ends_the_process_outside_of_a_check_is_a_sentence(ask, own):
    own(top="import os\nos._exit(0)")
    done = ask("check", "own.py", "-d", "borehole")
    assert (done.returncode, done.stdout) == (1, "")
    assert "the process that checks 'own.py' ended by itself with exit status 0 outside of a check" in done.stderr


def test_what_is_started_and_left_keeps_nobody_waiting(ask, own):
    """A child that holds the pipe open is ended with the process."""
    own("import os; os.fork() or __import__('time').sleep(1e6); os._exit(3)")
    done = ask("check", "own.py", "-d", "borehole")
    assert done.returncode == 1
    assert "ended by itself with exit status 3 before it was done" in done.stdout


def test_a_check_is_made_behind_the_barrier_of_a_cell(ask, own, tmp_path):
    out = tmp_path / "leak"
    own(f"open({str(out)!r}, 'w')")
    done = ask("check", "own.py", "-d", "borehole,diabetes")
    assert done.returncode == 1
    assert done.stdout.count(f"Permission denied: 'leak' (in {tmp_path.name}/own.py line ") == 1
    assert done.stdout.count("✗ predicts what was declared") == 2
    assert "✗ predicts what was declared, as above" in done.stdout
    assert SENTENCE in done.stdout
    assert not out.exists()
    own("open('mine', 'w').close(); open('mine').close()")
    done = ask("check", "own.py", "-d", "borehole,diabetes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert {p.name for p in tmp_path.iterdir()} <= {"own.py", "__pycache__"}


def test_data_of_ones_own_are_made_and_found_by_their_path_from_behind_the_barrier(ask, own, tmp_path):
    for name in ("first", "second"):
        assert ask("new", "dataset", name).returncode == 0
        path = tmp_path / f"{name}.py"
        line = "x, t = np.arange"
        assert path.read_text().count(line) == 1
        path.write_text(path.read_text().replace(line, f"open('{name}.txt', 'w').close(); {line}"))
    own()
    done = ask("check", "own.py", "-d", "first.py,second.py")
    assert done.returncode == 0, done.stdout + done.stderr
    assert all(f"✓ own.py on {name}.py: " in done.stdout for name in ("first", "second"))
    assert (tmp_path / "second.txt").exists()


def test_what_a_file_prints_on_import_is_no_part_of_the_document(ask, own):
    own(top="import os\nprint('words')\nos.write(1, b'bytes')")
    done = ask("info", "own.py", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["name"] == "own.py"
    assert "words" in done.stderr
    assert "bytes" in done.stderr
