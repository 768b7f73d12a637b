"""Every score that a published record holds is defined on the page that tells how to read the tables."""

from sciml_bench import metrics
from sciml_bench._layout import root
from sciml_bench.records.store import Store
from sciml_bench.site import glossary

DEFINED = {e.name for e in (*glossary.PHYSICS, *glossary.ATOMS, *glossary.UNCERTAINTY)}
ACCURACY = {m.name for m in metrics.ACCURACY}


def entry(name):
    """Return the name under which a score is defined, without the parts that are a dataset's own."""
    kind, colon, rest = name.partition(":")
    if colon:
        last = "worst_over_mean" if rest.endswith("/worst_over_mean") else "…"
        return f"{kind}:…/{last}"
    metric, slash, _ = name.partition("/")
    return f"{metric}/…" if slash and metric not in ACCURACY else metric


def test_every_published_score_has_its_definition():
    names = {entry(name) for record in Store(root("results")).records() for name in record.scores}
    assert len(names) > 30
    assert names - DEFINED - ACCURACY == set()


def test_every_definition_is_on_the_page(showcase):
    page = (showcase / "how-to-read.html").read_text(encoding="utf-8")
    for name in DEFINED | ACCURACY:
        assert f'<th scope="row">{name}</th>' in page
