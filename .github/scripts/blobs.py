"""Write the files of a commit under a folder, byte for byte as it holds them: `blobs.py COMMIT FOLDER`, in a checkout.

Neither `git archive` nor a checkout does that: both do what the commit's own .gitattributes say, which may leave files out or
change them. A symbolic link is written as one, for the review to refuse, and nothing is written through one; a submodule, a name
that leads out of the folder, or one that is there twice, ends this with 1.
"""

import os
import subprocess
import sys
from pathlib import Path

LINK, SUBMODULE = "120000", "160000"


def write(commit: str, folder: str) -> None:
    """Write all files."""
    Path(folder).mkdir(parents=True)
    listed = subprocess.run(
        ["git", "ls-tree", "-r", "-z", commit, "--", f"{folder}/"], capture_output=True, check=True
    ).stdout
    with subprocess.Popen(["git", "cat-file", "--batch"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as store:
        assert store.stdin is not None
        assert store.stdout is not None
        for entry in filter(None, listed.split(b"\0")):
            meta, _, name = entry.partition(b"\t")
            mode, _, number = meta.decode().split()
            if mode == SUBMODULE:
                raise SystemExit(f"the commit holds a submodule in {folder}: records are plain files")
            store.stdin.write(f"{number}\n".encode())
            store.stdin.flush()
            size = int(store.stdout.readline().split()[2])
            content = store.stdout.read(size)
            store.stdout.read(1)
            path = Path(os.fsdecode(name))
            inside = path.parts[0] == folder and not {"..", "."} & {*path.parts}
            if not inside or any(p.is_symlink() for p in path.parents):
                raise SystemExit(f"the commit holds a file whose name leads out of {folder}: {str(path)!a}")
            if os.path.lexists(path):
                raise SystemExit(f"the commit holds two files of one name: {str(path)!a}")
            path.parent.mkdir(parents=True, exist_ok=True)
            if mode == LINK:
                path.symlink_to(os.fsdecode(content))
            else:
                with open(path, "xb") as file:
                    file.write(content)
        store.stdin.close()


if __name__ == "__main__":
    write(*sys.argv[1:3])
