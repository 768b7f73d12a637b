"""The pages in a real browser, from the disk: what a reader clicks, shares, copies and reads, with and without scripts."""

import json
import os
import shutil
import subprocess
import tarfile
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from sciml_bench.ranking.compare import compare, holm
from sciml_bench.ranking.summary import summarise

BROWSER, DRIVER = Path("/usr/bin/chromium"), Path("/usr/bin/chromedriver")
SWITCHES = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
AXE = "axe-core@4.10.3"
"""Development only: fetched by npm into a temporary folder."""
OF_LOOKS = ["color-contrast", "target-size", "scrollable-region-focusable", "link-in-text-block"]
"""The rules whose verdict depends on width and colours."""
PAGES = (
    "index.html", "datasets.html", "methods.html", "compare.html", "downloads.html", "how-to-read.html",
    "contribute.html", "citation.html", "tracks/pde.html", "methods/fno.html", "small/burgers.html", "small/burgers/fno.html",
)  # fmt: skip
BOARD = "small/burgers.html"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (BROWSER.exists() and DRIVER.exists()), reason="chromium and its driver are not installed"),
]


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    from selenium import webdriver
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service

    options = Options()
    options.binary_location = str(BROWSER)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    for switch in (*SWITCHES, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(switch)
    driver = webdriver.Chrome(options=options, service=Service(str(DRIVER), log_output=os.devnull))
    driver.set_script_timeout(300)
    yield driver
    driver.quit()


@pytest.fixture
def at(showcase, browser):
    """Return what opens a page of the site at a width, in light or dark, and forgets what was stored."""

    def go(page: str, width: int = 1400, scheme: str = "light") -> None:
        browser.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600},
        )
        feature = {"name": "prefers-color-scheme", "value": scheme}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
        browser.get(f"{showcase.as_uri()}/{page}")

    yield go
    browser.execute_script("localStorage.clear()")


@pytest.fixture(scope="module")
def axe(tmp_path_factory):
    if shutil.which("npm") is None:
        pytest.skip("npm, which fetches axe-core, is not installed")
    folder = tmp_path_factory.mktemp("axe")
    done = subprocess.run(
        ["npm", "pack", AXE, "--prefer-offline", "--silent"], cwd=folder, capture_output=True, text=True, check=True
    )
    with tarfile.open(folder / done.stdout.split()[-1]) as packed:
        return packed.extractfile("package/axe.min.js").read().decode()


def find(browser, selector):
    from selenium.webdriver.common.by import By

    return browser.find_element(By.CSS_SELECTOR, selector)


def find_all(browser, selector):
    from selenium.webdriver.common.by import By

    return browser.find_elements(By.CSS_SELECTOR, selector)


def requests(browser):
    """Return what was asked for since the last call."""
    told = [json.loads(e["message"])["message"] for e in browser.get_log("performance")]
    return [m["params"]["request"]["url"] for m in told if m["method"] == "Network.requestWillBeSent"]


def press(browser, *keys):
    from selenium.webdriver.common.action_chains import ActionChains

    ActionChains(browser).send_keys(*keys).perform()


def rows(browser):
    """Return the names of the rows that are shown."""
    return browser.execute_script(
        "return [...document.querySelectorAll('table[data-pool] tbody tr')].filter(r => r.offsetHeight).map(r => r.dataset.row)"
    )


def columns(browser):
    """Return the keys of the columns that are shown, as they are laid out."""
    return browser.execute_script(
        "return [...document.querySelectorAll('table[data-pool] thead th')].filter(h => h.offsetWidth && h.dataset.group)"
        ".map(h => h.dataset.key)"
    )


def view(browser):
    return rows(browser), columns(browser), find(browser, "[aria-sort]").get_attribute("data-key")


def head(browser, key):
    return find(browser, f"th[data-key='{key}'] button")


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_accessible_fits_complains_of_nothing_and_asks_no_other_host(browser, at, axe, page):
    for width, scheme, rules in ((1400, "light", []), (390, "dark", OF_LOOKS)):
        at(page, width, scheme)
        browser.execute_script("for (const d of document.querySelectorAll('details')) d.open = true")
        assert browser.execute_script("return document.documentElement.scrollWidth") <= width
        browser.execute_script("for (const d of document.querySelectorAll('details.menu')) d.open = false")
        asked = requests(browser)
        assert any(a.endswith("table.js") for a in asked)
        assert not [a for a in asked if not a.startswith(("file:", "data:", "chrome:"))]
        browser.execute_script(axe)
        found = browser.execute_async_script(
            "const [rules, done] = arguments, only = rules.length ? {runOnly: rules} : {};"
            "axe.run({...only, preload: false, resultTypes: ['violations']}).then(r => done(r.violations.map(v => "
            "v.id + ': ' + v.nodes.slice(0, 3).map(n => n.html.slice(0, 160) + ' ' + n.failureSummary).join(' | '))))",
            rules,
        )
        assert found == [], f"at {width} pixels, {scheme}"
        assert browser.get_log("browser") == []


def test_columns_sort_by_click_and_key_with_failed_rows_last(browser, at):
    from selenium.webdriver.common.keys import Keys

    at("small/darcy.html")
    best = rows(browser)
    assert best[:2] == ["reference_solver(256 points)", "fno"]
    assert best[-1] == "a_method_with_quite_a_long_name"
    head(browser, "rel_l2").click()
    assert find(browser, "th[data-key='rel_l2']").get_attribute("aria-sort") == "descending"
    assert rows(browser)[:2] == ["mean", "reference_solver(64 points)"]
    assert rows(browser)[-1] == best[-1]
    head(browser, "method").send_keys(Keys.ENTER)
    assert find(browser, "th[data-key='method']").get_attribute("aria-sort") == "ascending"
    assert len(find_all(browser, "[aria-sort]")) == 1
    assert rows(browser)[0] == "fno"
    assert rows(browser)[-1] == best[-1]


def test_a_view_is_the_same_from_its_address(browser, at):
    at(BOARD)
    everything = view(browser)
    assert len(everything[0]) == 8
    assert "frmse_low" not in everything[1]
    find(browser, "input[type=search]").send_keys("e")
    summary = find(browser, ".menu[data-name='family'] summary")
    summary.click()
    for family in ("operator", "network", "control"):
        find(browser, f".menu input[data-value='{family}']").click()
    find(browser, ".menu[data-name='columns'] summary").click()
    find(browser, "[data-preset='accuracy']").click()
    find(browser, ".menu input[data-value='throughput']").click()
    find(browser, "h1").click()
    assert not find_all(browser, ".menu[open]")
    head(browser, "frmse_low").click()
    chosen = view(browser)
    assert chosen[0] == ["fno", "tfno(rank=0.1, width=64)", "unet", "mean"]
    assert chosen[1:] == (["frmse_low", "nrmse_per_time", "throughput"], "frmse_low")
    assert find(browser, ".tools output").text == "4 of 8 rows"
    address = browser.current_url
    assert urlsplit(address).path.endswith(BOARD)
    browser.switch_to.new_window("tab")
    browser.get(address)
    assert view(browser) == chosen
    assert find(browser, "input[type=search]").get_attribute("value") == "e"
    browser.close()
    browser.switch_to.window(browser.window_handles[0])
    find_all(browser, ".tools > button.tool")[-1].click()
    assert view(browser) == everything
    assert urlsplit(browser.current_url).query == ""


def test_labels_filter_and_a_failed_row_spans_the_columns_that_are_shown(browser, at):
    at("small/darcy.html?columns=physics")
    wide = browser.execute_script("const c = document.querySelector('td.status'); return c.offsetLeft + c.offsetWidth")
    assert wide == browser.execute_script("return document.querySelector('table[data-pool]').offsetWidth")
    find(browser, ".menu[data-name='label'] summary").click()
    find(browser, ".menu input[data-value='diverged']").click()
    assert rows(browser) == ["a_method_with_quite_a_long_name"]


def test_picked_rows_are_compared_in_the_words_of_the_command(browser, at, cells):
    at(BOARD)
    for name in ("unet", "tfno(rank=0.1, width=64)"):
        find(browser, f"[data-row='{name}'] input.pick").click()
    find(browser, ".tools > .choice input").click()
    assert rows(browser) == ["tfno(rank=0.1, width=64)", "unet"]
    find(browser, ".tools a.tool").click()
    assert parse_qs(urlsplit(browser.current_url).query)["m"] == ["unet", "tfno(rank=0.1, width=64)"]
    by_name = {(r.dataset, r.name): r.records for r in summarise(cells)}
    for first, second in (("unet", "tfno(rank=0.1, width=64)"), ("fno", "unet"), ("ridge", "fno"), ("mean", "ridge")):
        if first != "unet":
            at(f"compare.html?m={first}&m={second}")
        found = [compare(by_name[d, first], by_name[d, second]) for d in ("burgers", "darcy")]
        adjusted = holm([c.p_value for c in found])
        expected = [replace(c, adjusted=p).sentence for c, p in zip(found, adjusted, strict=True)]
        assert [item.text for item in find_all(browser, "#sentences li")] == expected
        assert len(find_all(browser, "#duel tbody tr")) == 2


def test_more_methods_are_chosen_and_corrected_for_after_holm(browser, at, comparisons):
    from statsmodels.stats.multitest import multipletests

    at("compare.html?m=fno&m=unet&m=tfno(rank%3D0.1,+width%3D64)&m=nobody")
    assert "nobody has no score" in find(browser, "#contest .notice").text
    assert len(find_all(browser, "#duel thead th")) == 1 + 3 + 2 * 4
    shown = browser.execute_script(
        "const b = COMPARISONS.pools['small cpu'], all = b.flatMap(x => ['unet', 'tfno(rank=0.1, width=64)']"
        ".map(n => comparison(x, 'fno', n))); correct(all); return all.map(c => [c.p, c.adjusted])"
    )
    expected = multipletests([p for p, _ in shown], method="holm")[1]
    assert [a for _, a in shown] == pytest.approx(list(expected))
    find(browser, "#contest select").send_keys("ridge")
    assert parse_qs(urlsplit(browser.current_url).query)["m"][0] == "ridge"
    assert find_all(browser, "#duel thead th")[1].text.startswith("ridge")


def test_the_choice_of_colours_is_kept_and_the_system_decides_without_one(browser, at):
    def page_is_dark():
        colour = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
        return max(map(int, colour.removeprefix("rgb(").removesuffix(")").split(","))) < 100

    at("index.html")
    assert not page_is_dark()
    at("index.html", scheme="dark")
    assert page_is_dark()
    button = find(browser, "button.theme")
    button.click()
    assert not page_is_dark()
    at(BOARD, scheme="dark")
    assert not page_is_dark()
    find(browser, "button.theme").click()
    at("compare.html")
    assert page_is_dark()
    assert find(browser, "button.theme").get_attribute("aria-label") == "Colours: dark"


def test_a_button_copies_and_says_so(browser, at):
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support.wait import WebDriverWait

    at("small/burgers/fno.html")
    button = find(browser, "button.copy")
    button.click()
    wait = WebDriverWait(browser, 5)
    wait.until(lambda b: button.text == "Copied")
    wait.until(lambda b: find(b, "[role=status]").get_attribute("textContent") == "Copied to the clipboard")
    command = button.get_attribute("data-copy")
    assert command.startswith("sciml-bench run --method fno")
    at(BOARD)
    find(browser, "input[type=search]").send_keys(Keys.CONTROL, "v")
    assert find(browser, "input[type=search]").get_attribute("value") == command


@pytest.mark.parametrize(
    ("page", "table"), [("tracks/pde.html", "table.league"), ("small/burgers/fno.html", "table.plainly")]
)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_narrow_screen_the_names_of_rows_stay_while_the_numbers_scroll(browser, at, page, table, scheme):
    at(page, 390, scheme)
    seen = browser.execute_script(
        "const t = document.querySelector(arguments[0]), s = t.closest('.scroll'); s.scrollLeft = 80;"
        "const left = s.getBoundingClientRect().left, th = t.querySelector('tbody th').getBoundingClientRect();"
        "return [s.scrollLeft, th.left - left, th.width]",
        table,
    )
    assert seen[0] == 80
    assert seen[1] == pytest.approx(0, abs=1)
    assert 100 < seen[2] < 180


def test_without_scripts_every_row_column_and_picture_is_there(browser, at):
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        at(BOARD)
        assert len(rows(browser)) == 8
        every = browser.execute_script(
            "return [...document.querySelectorAll('th[data-group]')].map(h => h.dataset.key)"
        )
        assert columns(browser) == every
        assert {"frmse_low", "parameters", "latency_p95"} <= set(every)
        broken = (
            "return [...document.images].filter(i => i.loading !== 'lazy' && !(i.complete && i.naturalWidth)).length"
        )
        assert browser.execute_script("return document.images.length") > 1
        assert browser.execute_script(broken) == 0
        assert not [b for b in find_all(browser, "button.copy, .needs-script") if b.is_displayed()]
        at("compare.html")
        assert len(find_all(browser, "#duel tbody tr")) == len(find_all(browser, "#sentences li")) == 2
        assert "sciml-bench compare" in find(browser, "noscript").text
        assert not find(browser, "#contest").is_displayed()
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
