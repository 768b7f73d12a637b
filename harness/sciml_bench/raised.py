"""How an error is told that a user's own code raised: what and where, without the folders of this machine."""

import re
from pathlib import Path

_OURS = ("running", "testing")
"""Folders of the package from which a user's code is called."""
LONGEST = 1500
LONG_WORD = 40
"""Characters of a word that is cut rather than left out."""


def told(error: BaseException, more: str = "") -> str:
    """Return the error's kind, its message and the last line of it that is no library's, and `more` behind that."""
    frame, place = error.__traceback__, ""
    while frame is not None:
        path = Path(frame.tb_frame.f_code.co_filename)
        if "site-packages" not in path.parts and path.parent.name not in _OURS:
            place = f" (in {path.parent.name}/{path.name} line {frame.tb_lineno})"
        frame = frame.tb_next
    text = " ".join(str(error).split()) or "no message"
    kind = f"{type(error).__name__}: "
    return f"{kind}{_shortened(_without_paths(text), LONGEST - len(kind + place + more))}{place}{more}"


def _without_paths(text: str) -> str:
    """Return the text with the folders of each word that is a path left out, but with the marks before it."""
    return re.sub(r"(?<!\S)([\"'(]*)/(?:[^\s/]*/)+", r"\1", text)


def _shortened(text: str, most: int) -> str:
    """Return the text, or as many words of it as there is room for and an ellipsis; a quotation that it cuts is closed."""
    if len(text) <= most:
        return text
    kept, opened = text[: most - 2], ""
    words, _, last = kept.rpartition(" ")
    kept = words if words and len(last) < LONG_WORD else kept
    # An apostrophe stands inside a word or behind it.
    for before, mark, after in re.findall(r"(?<=(.))([\"'])(?=(.))", f" {kept} "):
        if not opened and not before.isalnum():
            opened = mark
        elif mark == opened and not after.isalnum():
            opened = ""
    return f"{kept}…{opened}"
