"""`python -m sciml_bench` is `sciml-bench`."""

from .cli import main

if __name__ == "__main__":
    main()
