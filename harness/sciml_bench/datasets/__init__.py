"""`sciml_bench.datasets.<name>` is `datasets/<name>.py` at the root of the repository, or this folder in a wheel."""

from .._layout import root

__path__ = [str(root("datasets"))]
