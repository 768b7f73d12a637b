"""`sciml-bench --version`."""

import platform

from .. import __version__
from ..records.provenance import commit


def version() -> str:
    """Return the version of the package, the commit of the checkout that it runs from, if it does, and that of Python."""
    head, changed = commit()
    at = "" if head is None else f", commit {head[:10]}{' with changes' if changed else ''}"
    return f"sciml-bench {__version__}{at}, Python {platform.python_version()}"
