"""Ctrl-C and SIGTERM end every command with a sentence, whatever runs at that moment."""

import gc
import os
import signal
import time


def test_an_interrupted_command_says_so(ask, monkeypatch):
    def pressed(*_: object) -> None:
        raise KeyboardInterrupt

    for words, place in (
        ("list", "listing.show"),
        ("site build", "site.build"),
        ("data generate burgers", "data.generate"),
    ):
        monkeypatch.setattr(f"sciml_bench.cli.{place}", pressed)
        done = ask(*words.split())
        assert (done.returncode, done.stdout) == (130, "")
        assert (
            done.stderr
            == "sciml-bench: interrupted; nothing is half-written, and the same command may be given again\n"
        )


def test_an_interrupt_that_comes_where_python_can_raise_nothing_comes_again(ask, monkeypatch):
    """JAX has itself called at each garbage collection, and what is raised there is lost."""

    def pressed(*_: object) -> None:
        def while_collecting(*_: object) -> None:
            gc.callbacks.remove(while_collecting)
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.01)

        gc.callbacks.append(while_collecting)
        gc.collect()
        time.sleep(20)

    monkeypatch.setattr("sciml_bench.cli.data.generate", pressed)
    done = ask("data", "generate", "burgers")
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr.startswith("sciml-bench: interrupted;")
    assert len(done.stderr.splitlines()) == 1
