"""Use the demo page and the page of a run in headless Chromium as a person would.

`python -m tests.helpers.browser RUN QUESTION docs/images/demo.png [WIDTH]` takes a screenshot.
Needs Debian's `chromium` and `pip install playwright`; only Playwright's driver is used.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

WIDTH, HEIGHT = 980, 1000
STICKING = """
() => {
  document.querySelectorAll('details').forEach(one => { one.open = true; });
  const seen = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; (node = walker.nextNode());) {
    const text = document.createRange();
    text.selectNodeContents(node);
    if (text.getBoundingClientRect().right > window.innerWidth && !node.parentElement.closest('table'))
      seen.push(node.textContent);
  }
  return seen;
}
"""
SPILLING = """
all => all.filter(one => {
  const text = document.createRange();
  text.selectNodeContents(one);
  const [inner, outer] = [text.getBoundingClientRect(), one.getBoundingClientRect()];
  return outer.width && (inner.left < outer.left - 1 || inner.right > outer.right + 1
    || inner.bottom > outer.bottom + 1 || outer.right > window.innerWidth + 1);
}).map(one => one.innerText)
"""


class Seen(NamedTuple):
    """The browser's view of the page."""

    reply: str
    """The text of the reply."""
    pictures: int
    """Number of rendered pictures in the reply."""
    elsewhere: list[str]
    """Addresses on other machines that the page requested."""
    errors: list[str]
    """Errors that the page's scripts raised."""
    heights: list[float]
    """The heights of the cards of the reply, in pixels."""
    sticks_out: bool
    """Whether something is wider than the page."""
    spilling: list[str]
    """The texts of buttons that are wider or higher than their button."""


def dump_page(address: str) -> str:
    """Return the page at an address as HTML, after its scripts have run in headless Chromium; needs no driver."""
    arguments = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--virtual-time-budget=3000",
        "--dump-dom",
        address,
    ]
    done = subprocess.run(["chromium", *arguments], capture_output=True, text=True, timeout=240, check=True)
    return done.stdout


def why_no_browser() -> str | None:
    """Return why no browser is available for tests, or None."""
    if shutil.which("chromium") is None:
        return "needs Chromium: apt-get install chromium"
    return None if find_spec("playwright") else "needs the browser's driver: pip install playwright"


def find_sticking_out(address: str, width: int) -> list[str]:
    """Return the elements of a page that are wider than a window of some width; tables may scroll in themselves."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": width, "height": HEIGHT})
        page.goto(address)
        found: list[str] = page.evaluate(STICKING)
        browser.close()
    return found


def ask_page(address: str, question: str, picture: Path | None = None, width: int = WIDTH) -> Seen:
    """Open the page, type a question, press the button, and wait for the reply.

    Args:
        address: Address of the page.
        question: Text to type.
        picture: Where to write a screenshot of the whole page.
        width: Width of the window in pixels.
    """
    from playwright.sync_api import sync_playwright

    host = urlsplit(address).netloc
    with sync_playwright() as driver:
        # Chromium has no sandbox as root. No name is resolved, so requests to other machines fail.
        arguments = ["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=arguments)
        page = browser.new_page(viewport={"width": width, "height": HEIGHT})
        requested: list[str] = []
        errors: list[str] = []
        page.on("request", lambda request: requested.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(address)
        page.locator("#question textarea, #question input").first.fill(question)
        page.locator("#ask").click()
        page.locator("#reply .patois-card").first.wait_for(timeout=120_000)
        page.wait_for_timeout(300)  # the pictures are loaded, but not yet painted
        reply = page.locator("#reply").inner_text()
        drawn = page.eval_on_selector_all(
            "#reply img", "all => all.filter(one => one.naturalWidth > 0).length"
        )
        if picture is not None:
            page.screenshot(path=picture, full_page=True)
        heights = page.eval_on_selector_all(
            "#reply .patois-card", "all => all.map(one => one.getBoundingClientRect().height)"
        )
        sticks_out = page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
        spilling = page.eval_on_selector_all("button", SPILLING)
        browser.close()
    elsewhere = [url for url in requested if urlsplit(url).scheme != "data" and urlsplit(url).netloc != host]
    return Seen(reply, drawn, elsewhere, errors, heights, sticks_out, spilling)


if __name__ == "__main__":
    from cli.asking.find import describe
    from cli.asking.model import Model
    from cli.demo.answerer import Answerer
    from cli.demo.page import build_page, serve

    run, typed, target, *wide = sys.argv[1:]
    served = serve(build_page(Answerer(Model(describe(Path(run))))), block=False)
    sys.stdout.write(f"{ask_page(served, typed, Path(target), *map(int, wide))}\n")
