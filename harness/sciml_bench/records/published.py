"""What a commit holds of a results folder, read from git and never from the working tree."""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import UsageError


@dataclass(frozen=True)
class Published:
    """The files of a results folder at a commit, by their path inside the folder."""

    repository: Path
    blobs: Mapping[str, str]
    tracked: frozenset[str]
    """What git holds of the folder now: a file that is ignored by it is not published."""

    def read(self, name: str) -> bytes:
        """Return the bytes of a file as it was published."""
        return _git(self.repository, "cat-file", "blob", self.blobs[name])


def published(results: Path, ref: str) -> Published:
    """Return what the commit `ref` holds of a results folder."""
    real = results.parent.resolve() / results.name
    place = next(p for p in real.parents if p.is_dir())
    try:
        repository = Path(_git(place, "rev-parse", "--show-toplevel").decode().strip())
        commit = (
            _git(place, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}").decode().strip()
        )
    except subprocess.CalledProcessError as error:
        raise UsageError(
            f"--against is '{ref}': expected a commit or branch of the git repository that '{results}' stands in"
        ) from error
    folder = real.relative_to(repository).as_posix()
    listed = _git(repository, "ls-tree", "-r", "-z", "--full-tree", commit, "--", f"{folder}/").decode(errors="replace")
    entries = [line.partition("\t") for line in listed.split("\0") if line]
    kept = _git(repository, "ls-files", "-z", "--", f":(literal){folder}").decode(errors="replace")
    return Published(
        repository,
        {name.removeprefix(f"{folder}/"): head.split()[2] for head, _, name in entries},
        frozenset(name.removeprefix(f"{folder}/") for name in kept.split("\0") if name),
    )


def _git(place: Path, *words: str) -> bytes:
    return subprocess.run(["git", "-C", str(place), *words], capture_output=True, check=True, timeout=120).stdout
