"""Starting: each in an interpreter of its own, as a user meets it."""


class Start:
    """Seconds until the command line can answer."""

    number, repeat, warmup_time = 1, 3, 0

    def timeraw_import_package(self) -> str:
        """The package alone."""
        return "import sciml_bench"

    def timeraw_import_command_line(self) -> str:
        """The application, no command."""
        return "import sciml_bench.cli.app"

    def timeraw_list(self) -> str:
        """All methods, datasets and tracks: what `sciml-bench list` reads."""
        return """
            from sciml_bench.registry import all_datasets, all_methods
            assert list(all_methods()) and list(all_datasets())
        """
