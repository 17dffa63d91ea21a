"""The page in a real browser: no error, nothing let out, search and filters, narrow and dark."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from heimdall_core import Registry
from heimdall_report_html.collect import collect
from heimdall_report_html.page import page

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
BROWSER = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
DRIVER = shutil.which("chromedriver")
pytestmark = [
    pytest.mark.skipif(BROWSER is None, reason="Chromium is not installed"),
    pytest.mark.skipif(DRIVER is None, reason="chromedriver is not installed"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service

    options = Options()
    options.binary_location = BROWSER
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def written(
    report_registry: Registry, finished_run: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(page(collect(report_registry, finished_run)), encoding="utf-8")
    return path


@pytest.fixture
def opened(browser: Any, written: Path) -> Iterator[Any]:
    """The page, freshly loaded at a width of 1280; afterwards its console must be empty."""
    size(browser, 1280)
    scheme(browser, "light")
    browser.get(written.as_uri())
    yield browser
    assert browser.get_log("browser") == []


def size(browser: Any, width: int) -> None:
    metrics = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def scheme(browser: Any, value: str) -> None:
    features = [{"name": "prefers-color-scheme", "value": value}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def visible(browser: Any) -> list[Any]:
    return browser.execute_script(
        "return [...document.querySelectorAll('#answer-list > *')].filter(n => !n.hidden)"
        ".map(n => [n.dataset.verdict, n.dataset.category, n.dataset.cause])"
    )


def choose(browser: Any, name: str, value: str) -> None:
    browser.execute_script(
        "const n = document.getElementById(arguments[0]); n.value = arguments[1];"
        "n.dispatchEvent(new Event('input', {bubbles: true}))",
        name,
        value,
    )


def test_rows_with_a_script_run_nothing(opened):
    assert opened.execute_script("return window.hacked") is None
    assert "people" in opened.title
    assert opened.execute_script("return document.querySelectorAll('img').length") == 0


def test_search_and_filters(opened):
    everything = visible(opened)
    assert len(everything) == 42
    choose(opened, "verdict", "right")
    right = visible(opened)
    assert 0 < len(right) < 42
    assert {row[0] for row in right} == {"right"}
    count = opened.find_element("id", "count").text
    assert count == f"{len(right)} of 42"
    choose(opened, "verdict", "")
    choose(opened, "category", "odd <b>one</b>")
    assert {row[1] for row in visible(opened)} == {"odd <b>one</b>"}
    choose(opened, "category", "")
    choose(opened, "cause", "unknown_name")
    choose(opened, "set", "test")
    unknown = visible(opened)
    assert {row[2] for row in unknown} == {"unknown_name"}
    choose(opened, "cause", "")
    choose(opened, "search", "YEARS people")
    assert len(visible(opened)) == len(unknown)
    choose(opened, "search", "no such word")
    assert visible(opened) == []
    assert opened.find_element("id", "nothing").is_displayed()
    choose(opened, "search", "")
    choose(opened, "set", "")
    assert visible(opened) == everything
    choose(opened, "set", "test_unseen_schemas")
    assert {row[2] for row in visible(opened)} == {"unknown_name", ""}
    assert len(visible(opened)) == 12
    choose(opened, "file", "Q8_0")
    assert len(visible(opened)) == 12  # this file gave the same answers
    choose(opened, "set", "")
    assert visible(opened) == everything


def test_answers_open_and_show_the_finding(opened):
    choose(opened, "set", "test")
    choose(opened, "cause", "unknown_name")
    assert not any(m.is_displayed() for m in opened.find_elements("css selector", "mark.error"))
    opened.execute_script("document.getElementById('open').click()")
    shown = [m for m in opened.find_elements("css selector", "mark.error") if m.is_displayed()]
    assert {mark.text for mark in shown} == {"years"}


@pytest.mark.parametrize("width", [400, 800, 1280])
def test_nothing_is_wider_than_the_page(opened, width):
    size(opened, width)
    for script in ("", "document.querySelectorAll('details').forEach(n => { n.open = true })"):
        opened.execute_script(script)
        found = opened.execute_script("return document.documentElement.scrollWidth")
        assert found <= width
    smallest = opened.execute_script(
        "return Math.min(...[...document.querySelectorAll('svg text')]"
        ".map(n => n.getBoundingClientRect().height))"
    )
    assert smallest > 8


#: Pairs of things on the page that lie over one another, and things that are cut off at its sides.
#: What a scrolling ancestor hides is not there.
OVERLAPS = """
const width = arguments[0];
const seen = (node) => {
  let {left, top, right, bottom} = node.getBoundingClientRect();
  for (let n = node.parentElement; n && n !== document.body; n = n.parentElement) {
    if (getComputedStyle(n).overflowX === 'visible') continue;
    const box = n.getBoundingClientRect();
    left = Math.max(left, box.left); right = Math.min(right, box.right);
    top = Math.max(top, box.top); bottom = Math.min(bottom, box.bottom);
  }
  return {node, left, top, right, bottom};
};
const words = (box) => box.node.tagName + ' ' + box.node.textContent.slice(0, 30);
const kinds = 'h1, h2, h3, p, a, button, select, input, svg, table, dl, .tile, summary';
const boxes = [...document.querySelectorAll(kinds)].filter(n => n.checkVisibility()).map(seen)
  .filter(b => b.right - b.left > 1 && b.bottom - b.top > 1);
const found = [];
boxes.forEach((a, i) => {
  const button = a.node.closest('nav') && a.node.tagName === 'BUTTON';
  if (button && (a.left < 0 || a.right > width)) found.push('cut off: ' + words(a));
  for (const b of boxes.slice(i + 1)) {
    if (a.node.contains(b.node) || b.node.contains(a.node)) continue;
    const x = Math.min(a.right, b.right) - Math.max(a.left, b.left);
    const y = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
    if (x > 1 && y > 1) found.push(words(a) + ' | ' + words(b));
  }
});
return found;
"""


@pytest.mark.parametrize("width", [320, 400, 800, 1280])
def test_nothing_lies_over_anything_else(opened, width):
    size(opened, width)
    assert opened.execute_script(OVERLAPS, width) == []
    # The last link can be reached: the row of links scrolls by itself.
    opened.execute_script("document.querySelector('nav .links').scrollLeft = 9999")
    assert opened.execute_script(OVERLAPS, width) == []
    links = opened.execute_script(
        "const [a, b] = [...document.querySelectorAll('nav a:last-child, nav button')]"
        ".map(n => n.getBoundingClientRect()); return b.left - a.right"
    )
    assert links >= 0


def test_dark_and_light(opened):
    from selenium.webdriver.support.ui import WebDriverWait

    def colours() -> tuple[int, int]:
        found = opened.execute_script(
            "const s = getComputedStyle(document.body); return [s.backgroundColor, s.color]"
        )
        return tuple(sum(map(int, c[c.index("(") + 1 : -1].split(", ")[:3])) for c in found)

    background, ink = colours()
    assert background > 600 > 200 > ink
    scheme(opened, "dark")
    background, ink = colours()
    assert background < 150 < 600 < ink
    button = opened.find_element("id", "theme")
    # The browser tells the page of the change with its next frame.
    WebDriverWait(opened, 10).until(lambda _: button.text == "Light")
    button.click()
    background, ink = colours()
    assert background > ink
    assert button.text == "Dark"
