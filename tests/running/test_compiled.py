"""Compiled programs are kept in the cache folder, and where that may only be read among temporary files."""

import os
from pathlib import Path

import pytest

from sciml_bench.running import compiled


@pytest.mark.parametrize("writable", [True, False])
def test_programs_are_kept_where_they_can_be_written(writable, tmp_path, monkeypatch):
    cache, temporary = tmp_path / "cache", tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("SCIML_BENCH_CACHE", str(cache))
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    if not writable:
        asked = os.access
        monkeypatch.setattr(os, "access", lambda p, mode: not Path(p).is_relative_to(cache) and asked(p, mode))
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path / "own"))
    for variable in ("TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR"):
        monkeypatch.delenv(variable, raising=False)
    for variable in ("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"):
        monkeypatch.setenv(variable, "0")
    compiled.keep()
    own, *others = compiled.folders()
    assert own == tmp_path / "own"
    assert all(p.is_dir() and p.is_relative_to(cache if writable else temporary) for p in others)
    monkeypatch.delenv("TORCHINDUCTOR_CACHE_DIR")
    monkeypatch.delenv("TRITON_CACHE_DIR")
