"""Where the plugin folders are: at the root of the repository in a checkout, inside the package in a wheel."""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


def root(folder: str) -> Path:
    """Return the folder of plugins or assets called `folder`."""
    checkout = PACKAGE.parent.parent
    if PACKAGE.parent.name == "harness" and (checkout / "pyproject.toml").is_file():
        return checkout / folder
    return PACKAGE / ("site_assets" if folder == "site" else folder)
