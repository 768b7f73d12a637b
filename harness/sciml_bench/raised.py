"""How an error is told that a user's own code raised: what and where, without the folders of this machine."""

from pathlib import Path

_OURS = ("running", "testing")
"""Folders of the package from which a user's code is called."""
LONGEST = 1500


def told(error: BaseException, more: str = "") -> str:
    """Return the error's kind, its message and the last line of it that is no library's, and `more` behind that."""
    frame, place = error.__traceback__, ""
    while frame is not None:
        path = Path(frame.tb_frame.f_code.co_filename)
        if "site-packages" not in path.parts and path.parent.name not in _OURS:
            place = f" (in {path.parent.name}/{path.name} line {frame.tb_lineno})"
        frame = frame.tb_next
    text = " ".join(str(error).split()) or "no message"
    return f"{type(error).__name__}: {_without_paths(text)}{place}{more}"[:LONGEST]


def _without_paths(text: str) -> str:
    words = text.split(" ")
    return " ".join(w.rpartition("/")[2] if w.lstrip("'\"(").startswith("/") and w.count("/") > 1 else w for w in words)
