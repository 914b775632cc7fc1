"""Chromium without a window: loads a page in a frame of a given width and tells what it measures there, or takes a picture."""

from __future__ import annotations

import html
import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

PROBE = """
const frame = document.querySelector("iframe");
const told = document.querySelector("#told");
function measure() {
  const page = frame.contentDocument, body = page.body, style = frame.contentWindow.getComputedStyle(body);
  const seen = [...page.querySelectorAll("*")];
  const text = seen.filter(e => e.childNodes.length && [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()));
  const within = e => e.closest(".wide") || e.closest("pre") || e.closest("svg");
  told.textContent = JSON.stringify({
    width: page.scrollingElement.clientWidth, scroll: page.scrollingElement.scrollWidth,
    ground: style.backgroundColor, ink: style.color, verdict: page.querySelector(".verdict").getBoundingClientRect().top,
    out: text.filter(e => !within(e) && e.getBoundingClientRect().right > page.scrollingElement.clientWidth + 1).map(e => e.outerHTML.slice(0, 200)),
    inner: [...page.querySelectorAll(".wide")].filter(e => e.scrollWidth > e.clientWidth + 1).length,
    small: text.filter(e => !e.closest("svg") && parseFloat(frame.contentWindow.getComputedStyle(e).fontSize) < 12).length,
    lines: [...page.querySelectorAll("polyline")].map(e => [e.getAttribute("class"), e.getBBox().width, frame.contentWindow.getComputedStyle(e).stroke]),
    bars: page.querySelectorAll("rect.bar").length, requests: frame.contentWindow.performance.getEntriesByType("resource").length,
  });
}
frame.onload = measure;
"""
DARK, LIGHT = "0", "1"


def measured(page: Path, folder: Path, width: int, *, dark: bool) -> dict[str, Any]:
    """What the page is like on a screen of that width."""
    host = folder / f"host{width}{dark}.html"
    inner = html.escape(page.read_text(encoding="utf-8"), quote=True)
    host.write_text(
        f'<!doctype html><meta charset="utf-8"><pre id="told"></pre><iframe width="{width}" height="900" '
        f'style="border:0;color-scheme:{"dark" if dark else "light"}" srcdoc="{inner}"></iframe><script>{PROBE}</script>',
        encoding="utf-8",
    )
    text = _chromium(dark, "--virtual-time-budget=5000", "--dump-dom", host.as_uri())
    found = re.search(r'<pre id="told">(.*?)</pre>', text, re.DOTALL)
    assert found, text[:500]
    told: dict[str, Any] = json.loads(html.unescape(found[1]))
    return told


def picture(page: Path, to: Path, width: int, *, dark: bool) -> None:
    """A picture of the page."""
    _chromium(
        dark,
        "--hide-scrollbars",
        f"--window-size={width},2400",
        f"--screenshot={to}",
        page.as_uri(),
    )


def _chromium(dark: bool, *arguments: str) -> str:
    command = [
        os.environ["RNNPORT_BROWSER"], "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
        f"--blink-settings=preferredColorScheme={DARK if dark else LIGHT}", *arguments,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout
