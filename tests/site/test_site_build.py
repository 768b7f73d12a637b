"""The pages are built from records alone, hold every row, and trust no string."""

import csv
import gzip
import io
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

import pytest
from matplotlib.image import imread
from site_records import SCRIPT, keep, record, some_records

from sciml_bench.records.record import CellId, Record
from sciml_bench.records.store import Store
from sciml_bench.site import cards, figures
from sciml_bench.site.build import build

TABLES = ("feed.xml",)
"""Written by the tables' half of the builder."""
VOID = {"meta", "link", "img", "input", "br", "hr", "wbr", "path", "circle"}


class Page(HTMLParser):
    """Collects the links, sources and text of a page and checks that its elements are balanced."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.open, self.links, self.loads, self.ids, self.images = [], [], [], [], []
        self.charts = []
        self.scripts = 0
        self.feed(source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        if tag not in VOID:
            self.open.append(tag)
        if "id" in values:
            self.ids.append(values["id"])
        if tag == "a":
            self.links.append(values["href"])
        elif values.get("src") or values.get("href"):
            self.loads.append(values.get("src") or values["href"])
        if tag == "img":
            self.images.append(values)
        if tag == "svg" and values.get("role") == "img":
            self.charts.append(values)
        self.scripts += tag == "script"

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def pages(site):
    return {path: Page(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}


def test_every_board_row_method_and_track_has_its_page(site):
    found = {str(p.relative_to(site)) for p in site.rglob("*.html")}
    rows = {p for p in found if p.count("/") == 2}
    assert {p for p in found if p.startswith(("smoke", "small", "file"))} - rows == {
        "smoke/navier_stokes.html",
        "small/vanished@cuda.html",
        "file/my_data.html",
    }
    assert len(rows) == 12
    assert "smoke/navier_stokes/reference-solver-8x8-dt-0-1.html" in rows
    assert {p for p in found if p.startswith("tracks/")} == {"tracks/pde.html"}
    assert {p for p in found if p.startswith("methods/")} == {
        f"methods/{m}.html"
        for m in ("linear", "fno", "mean", "reference-solver", "unet", "graph-net", "gone-method", "mine")
    }
    assert {
        "index.html",
        "datasets.html",
        "methods.html",
        "how-to-read.html",
        "contribute.html",
        "citation.html",
    } < found


def test_pages_are_balanced_and_every_relative_link_resolves(site):
    known = pages(site)
    for path, page in known.items():
        assert len(page.ids) == len(set(page.ids)), path
        for link in page.links + page.loads:
            parts = urlsplit(link)
            if parts.scheme or link.endswith(TABLES):
                continue
            assert not parts.path.startswith("/")
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            assert target.is_file(), f"{path.name} links to {link}"
            if parts.fragment:
                assert parts.fragment in known[target].ids, f"{path.name} links to {link}"


def test_nothing_is_loaded_from_another_host(site):
    for page in pages(site).values():
        assert not [u for u in page.loads if urlsplit(u).scheme or u.startswith("//")]
        assert all(u.startswith("https://doi.org/") for u in page.links if urlsplit(u).scheme)
    for style in [site / "style.css", *site.rglob("*.svg")]:
        content = style.read_text(encoding="utf-8")
        assert "url(http" not in content
        assert "@import" not in content
        assert 'href="http' not in content


def test_every_figure_has_words(site):
    shown = [image for page in pages(site).values() for image in page.images]
    assert len(shown) > 10
    drawn = [attrs for page in pages(site).values() for attrs in page.charts]
    assert len(drawn) > 10
    assert all(attrs["aria-label"] for attrs in drawn)
    assert all(image["alt"] or image["src"].endswith("favicon.svg") for image in shown)


def test_strings_of_records_are_escaped(site, told):
    for path, page in pages(site).items():
        content = path.read_text(encoding="utf-8")
        assert page.scripts == content.count("<script src="), path
        assert "<script>" not in content
    for name in ("navier_stokes.html", "navier_stokes/unet.html", "navier_stokes/fno.html"):
        assert "&lt;script&gt;alert" in (site / "smoke" / name).read_text(encoding="utf-8")
    told("script tags in a record's strings", "the record; no script runs", f"loss {SCRIPT} (shown as text)")


def test_failed_and_inapplicable_rows_stay_with_their_reasons(site):
    index = (site / "index.html").read_text(encoding="utf-8")
    board = (site / "smoke" / "navier_stokes.html").read_text(encoding="utf-8")
    for shown in (
        "some cells failed",
        "not applicable",
        "needs nodes",
        "graph_net",
        "gone_method",
        "dominated by the solver",
    ):
        assert shown in board.replace("<wbr>", "")
    assert "is not whole JSON" in index
    assert "navier stokes: 1 diverged, 1 ok" in index
    assert "loss &lt;script" in (site / "smoke" / "navier_stokes" / "unet.html").read_text(encoding="utf-8")


def test_the_first_page_says_what_to_use_and_how_sure_that_is(site):
    index = Words((site / "index.html").read_text(encoding="utf-8")).text
    assert "Navier–Stokes vorticity smoke, cpu rel_l2 fno 0.0350" in index
    assert "14× less error than mean" in index
    told = "about equal faster than the solver’s next finer setting, slower than the line between its settings"
    assert f"{told} rougher initial 2.0×" in index
    assert "Partial differential equations fno leads with a skill of 0.93" in index
    assert "burgers, burgers shock" in index.partition("Not run yet at this tier:")[2]
    assert "2026-01-01 21 cells at 0123456789 : vanished ( fno ); navier stokes ( reference_solver , fno" in index
    assert len(gzip.compress((site / "index.html").read_bytes())) < 200_000


def test_a_record_is_shown_whole(site):
    page = Words((site / "smoke" / "navier_stokes" / "fno.html").read_text(encoding="utf-8")).text
    first = next(c for c in some_records() if c.cell.method == "fno")
    for value in _leaves(first.model_dump(mode="json")):
        assert value in page, value
    stored = (site / "smoke" / "navier_stokes" / "fno.jsonl").read_text(encoding="utf-8").splitlines()
    assert Record.model_validate_json(stored[0]) == first
    assert len(stored) == 2


def _leaves(value):
    """Keys and values of a record as a reader should find them."""
    if isinstance(value, dict):
        for key, one in value.items():
            yield key
            yield from _leaves(one)
    elif isinstance(value, list):
        for one in value:
            yield from _leaves(one)
    elif isinstance(value, float):
        yield f"{value:.6g}"
    elif isinstance(value, str | int) and not isinstance(value, bool) and value != "":
        yield " ".join(str(value).split())


class Words(HTMLParser):
    """The text of a page, its white space made single."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.parts = []
        self.feed(source)
        self.text = " ".join(" ".join(self.parts).split())

    def handle_data(self, data):
        self.parts.append(data)


def test_every_cell_has_an_anchor_and_the_command_that_runs_it(site):
    source = (site / "smoke" / "navier_stokes" / "linear.html").read_text(encoding="utf-8")
    page = Page(source)
    assert {"fold-0", "fold-1"} < set(page.ids)
    for fold in (0, 1):
        command = f"sciml-bench run --method linear --dataset navier_stokes --tier smoke --only-fold {fold}"
        assert f'data-copy="{command}"' in source


def test_regimes_confusion_and_films_are_drawn(tmp_path):
    counts = [[3, 1], [0, 4]]
    store = Store(tmp_path)
    for fold in (0, 1):
        for method, error in (("fno", 0.1), ("mean", 0.4)):
            made = record(method, error, fold=fold)
            scores = made.scores | {"regime:speed=slow/rel_l2": error / 2, "regime:speed=fast/rel_l2": 3 * error}
            confusion = {"regime": {"classes": ["spots", "waves"], "counts": counts}}
            store.append(
                made.model_copy(update={"scores": scores, "diagnostics": made.diagnostics | {"confusion": confusion}})
            )
    keys = {r.cell.method: r.key for r in store.records()}
    samples = tmp_path / "smoke" / "navier_stokes" / "samples"
    keep(samples / f"{keys['fno']}.h5", ("time", "x", "y"))
    out = build(tmp_path, tmp_path / "site").parent
    page = (out / "smoke" / "navier_stokes.html").read_text(encoding="utf-8")
    words = Words(page).text
    assert "spots 6 2 waves 0 8" in words
    assert "fast slow fno 3.0× 3.0 – 3.0 0.50× 0.50 – 0.50" in words
    assert page.count('class="worst"') == 2
    assert "3 frames" in words
    film = next((out / "figures").glob("film-*.png"))
    assert f"figures/{film.name}" in page
    assert imread(film).shape[:2] == (6, 18)

    keep(samples / f"{keys['mean']}.h5", ("time", "x", "y"), film=7)
    page = (build(tmp_path, tmp_path / "site").parent / "smoke" / "navier_stokes.html").read_text(encoding="utf-8")
    assert "7 frames" in Words(page).text


def test_the_page_says_where_the_floor_of_its_truth_comes_from(tmp_path):
    sentences = {
        "navier_stokes": "compared with a finer solution",
        "borehole": "is a closed form, exact to rounding",
        "diabetes": "how far they are from what was to be measured is not known",
    }
    for dataset in sentences:
        Store(tmp_path).append(record(dataset=dataset))
    build(tmp_path, tmp_path / "site")
    for dataset in sentences:
        page = " ".join((tmp_path / "site" / "smoke" / f"{dataset}.html").read_text().split())
        assert {d: words in page for d, words in sentences.items()} == {d: d == dataset for d in sentences}


def test_the_page_says_what_the_parameters_mean_where_the_suite_still_has_the_dataset(site):
    told = (site / "smoke/navier_stokes.html").read_text()
    assert "<code>viscosity</code> is ν, <code>forcing</code> a." in told
    assert "w_t + u·∇w = νΔw + f on the unit torus" in told
    for gone in ("small/vanished@cuda.html", "file/my_data.html"):
        assert "what the parameters mean" not in (site / gone).read_text()
    spring = CellId.model_construct(dataset="spring", tier="small")
    assert "Gaussian noise of standard deviation `noise`" in " ".join(cards.definition(spring))


def test_the_table_of_values_holds_every_row(site):
    rows = list(csv.DictReader(io.StringIO((site / "leaderboard.csv").read_text(encoding="utf-8"))))
    assert len(rows) == 12
    linear = next(r for r in rows if r["method"] == "linear")
    assert float(linear["rel_l2"]) == pytest.approx(0.11)
    assert float(linear["rel_l2_low"]) < 0.11 < float(linear["rel_l2_high"])
    assert next(r for r in rows if r["method"] == "graph_net")["reason"] == "needs nodes"


def test_a_picture_for_a_page_without_schemes(tmp_path):
    keep(tmp_path / "two.h5", ("time", "x", "y"))
    keep(tmp_path / "one.h5", ("time", "x"))
    figures.fields_png(tmp_path / "two.h5", tmp_path / "two.png", "a title")
    assert (tmp_path / "two.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(ValueError, match="no two-dimensional field"):
        figures.fields_png(tmp_path / "one.h5", tmp_path / "one.png", "a title")


def test_what_does_not_apply_is_not_counted(site):
    run = [r for r in some_records() if r.status != "not_applicable"]
    index = (site / "index.html").read_text(encoding="utf-8")
    assert len(run) < len(some_records())
    assert f"<b>{len({r.cell.method for r in run})}</b> <a" in index
    assert f"<b>{len(run)}</b> cells" in index
