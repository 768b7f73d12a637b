"""sciml-bench: a benchmark suite for scientific machine learning.

The contract that a dataset, a method and a file outside the project implement is `sciml_bench.problem` and
`sciml_bench.method`; the command line is `sciml-bench --help`.
"""

from importlib.metadata import version

__version__ = version("sciml-bench")
