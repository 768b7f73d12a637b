"""The templates of `site/`, with escaping always on: records hold strings that others wrote."""

from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from .. import __version__
from .._layout import root
from . import text
from .suite import Suite, of

ASSETS = ("style.css", "widgets.css", "theme.js", "page.js", "table.js", "compare.js", "favicon.svg")
"""What is copied beside the pages as it is."""


def environment(suite: Suite) -> Environment:
    """Return the environment that renders the pages of a suite."""
    made = Environment(
        loader=FileSystemLoader(root("site")),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        breakable=text.breakable,
        number=text.number,
        plain=text.plain,
        seconds=text.seconds,
        factor=text.factor,
        whole=text.whole,
        words=text.words,
        ends=text.ends,
        shortened=text.shortened,
        capitalise=text.capitalise,
        anchor=text.anchor,
        ticked=text.ticked,
        row_of=of,
        intersects=lambda a, b: bool(set(a) & set(b)),
        main=lambda pool: next(g.pools[0] for g in suite.groups if g.name == pool.track),
    )
    made.globals.update(package_version=__version__, suite=suite)
    return made


def render(made: Environment, template: str, **values: Any) -> str:
    """Return a page."""
    return made.get_template(template).render(**values)
