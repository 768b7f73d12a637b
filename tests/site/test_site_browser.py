"""The pages in a real browser, from the disk: no complaint, sorting works, nothing is wider than a phone."""

import json
import os
from pathlib import Path

import pytest

from sciml_bench.records.record import Record
from sciml_bench.records.store import Store
from sciml_bench.site.build import build

FAMILIES = {"mean": "control", "persistence": "control", "reference_solver": "solver"}


BROWSER, DRIVER = Path("/usr/bin/chromium"), Path("/usr/bin/chromedriver")
SWITCHES = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (BROWSER.exists() and DRIVER.exists()), reason="chromium and its driver are not installed"),
]


def line(method, error, fold, status="ok"):
    good = status == "ok"
    cost = dict.fromkeys(
        (
            "data_seconds",
            "fit_seconds",
            "fit_cpu_seconds",
            "predict_seconds",
            "predict_cpu_seconds",
            "predictor_seconds",
        ),
        0.1,
    )
    cost |= {"predict_samples": 4, "latency_p50": error, "latency_p95": 1.0, "throughput": 9.0}
    cost |= {"throughput_batch": 4, "peak_memory_gib": 1.0, "threads": 1, "precision": "float32"}
    cost |= dict.fromkeys(("device_memory_gib", "energy_joules", "parameters", "flops"))
    cell = {
        "dataset": "flow",
        "dataset_version": 1,
        "dataset_parameters": {"samples": 8},
        "tier": "small",
        "method": method,
    }
    cell |= {
        "variant": "",
        "hyperparameters": {},
        "fold": fold,
        "folds": 2,
        "repetition": 0,
        "seed": 1,
        "device": "cpu",
    }
    cell |= {"budget_seconds": 1.0, "budget_memory_gib": 1.0}
    came = {
        "package": "0.1.0",
        "commit": None,
        "dirty": None,
        "protocol": 1,
        "data_digest": "d",
        "method_digest": "m",
    }
    came |= {
        "prediction_digest": None,
        "python": "3.11",
        "libraries": {},
        "system": "Linux",
        "processor": "p",
    }
    came |= {"accelerator": None, "threads": 1, "started": "2026-01-01T00:00:00+00:00"}
    came |= {"command": f"sciml-bench run --method {method} --dataset flow --only-fold {fold} " + "--set long=1 " * 20}
    return {
        "key": f"{sum(map(ord, method)) * 10 + fold:016x}",
        "cell": cell,
        "status": status,
        "reason": "" if good else "a long reason without an end " * 20,
        "primary": "rel_l2",
        "family": FAMILIES.get(method, "operator"),
        "scores": {"rel_l2": error, "pde_defect": error} if good else {},
        "floor": {"rel_l2": 1e-4},
        "per_sample": None,
        "cost": cost if good else None,
        "diagnostics": {"error_over_time": {"w": [error, 2 * error]}} if good else {},
        "provenance": came,
    }


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    results = tmp_path_factory.mktemp("results")
    rows = {
        "zebra": 0.01,
        "ant": 0.02,
        "mole": 0.005,
        "a_method_with_quite_a_long_name": 0.5,
        "reference_solver": 0.1,
    }
    for fold in (0, 1):
        for method, error in rows.items():
            Store(results).append(Record.model_validate_json(json.dumps(line(method, error, fold))))
        Store(results).append(Record.model_validate_json(json.dumps(line("broken", 1.0, fold, "failed"))))
    return build(results, results / "site").parent


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    from selenium import webdriver
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service

    options = Options()
    options.binary_location = str(BROWSER)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for switch in (*SWITCHES, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(switch)
    driver = webdriver.Chrome(options=options, service=Service(str(DRIVER), log_output=os.devnull))
    yield driver
    driver.quit()


def phone(browser, width):
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600},
    )


def names(browser):
    rows = "[...document.querySelectorAll('tbody tr')].filter(r => !r.hidden)"
    return browser.execute_script(f"return {rows}.map(r => r.cells[0].innerText.split('\\n')[0].trim())")


@pytest.mark.parametrize("width", [390, 1400])
@pytest.mark.parametrize("page", ["index.html", "small/flow.html", "how-to-read.html"])
def test_no_page_complains_or_is_wider_than_the_window(site, browser, page, width):
    phone(browser, width)
    browser.get((site / page).as_uri())
    browser.execute_script("for (const d of document.querySelectorAll('details')) d.open = true")
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    assert browser.get_log("browser") == []


def test_columns_sort_by_click_and_key_with_failed_rows_last(site, browser):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    phone(browser, 1400)
    browser.get((site / "index.html").as_uri())
    first = names(browser)
    assert first[0] == "mole"
    assert first[-1] == "broken"
    heads = browser.find_elements(By.CSS_SELECTOR, "thead th")
    error = heads[2].find_element(By.TAG_NAME, "button")
    error.click()
    assert heads[2].get_attribute("aria-sort") == "descending"
    assert names(browser)[0] == "a_method_with_quite_a_long_name"
    assert names(browser)[-1] == "broken"
    heads[0].find_element(By.TAG_NAME, "button").send_keys(Keys.ENTER)
    assert heads[0].get_attribute("aria-sort") == "ascending"
    assert heads[2].get_attribute("aria-sort") is None
    assert names(browser)[1] == "ant"
    assert names(browser)[-2:] == ["zebra", "broken"]


def test_the_filter_hides_rows(site, browser):
    from selenium.webdriver.common.by import By

    phone(browser, 1400)
    browser.get((site / "index.html").as_uri())
    browser.find_element(By.CSS_SELECTOR, ".filter input").send_keys("zeb")
    assert names(browser) == ["zebra"]
    assert browser.find_element(By.CSS_SELECTOR, ".filter output").text == "1 of 6 rows"
