"""Does a report look right in a real browser? Checks the demo's in headless Chromium.

    python3 crates/tidegate/tests/browser/report.py path/to/tidegate

Needs playwright, and the Chromium it installed (`playwright install chromium-headless-shell`) or one on the PATH. Without
them it says that it was skipped, and ends with 0. Pictures go to a temporary folder, whose name it prints.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

try:
    from playwright.sync_api import Error, sync_playwright
except ImportError:
    print("skipped: there is no playwright")
    sys.exit(0)

VIEWPORTS = [(1280, 900), (800, 1000), (390, 844)]
SCHEMES = ["light", "dark"]
NAMES = ["chromium", "chromium-browser", "google-chrome"]
SIGNALS = ["edit_rate_by_arm", "outcomes_by_task", "verdicts", "unread"]

# Beside the demo's signals: a strip of verdicts, text that would be markup, and a signal without rows.
SQL = """
CREATE SIGNAL verdicts WITH (description = 'Which <b>hours</b> have many edits?') AS
SELECT window_start, task_class || '<img src=x onerror=alert(1)>' AS task, edit_rate, edit_rate_low,
  named_struct('psi', edit_rate, 'threshold', 0.2, 'verdict', CASE WHEN decisions < 20 THEN 'insufficient'
    WHEN edit_rate > 0.3 THEN 'drift' WHEN edit_rate > 0.25 THEN 'uninformative' ELSE 'stable' END) AS edits
FROM (SELECT window_start, task_class, avg(edit_rate) AS edit_rate, min(edit_rate) AS edit_rate_low,
  sum(decisions) AS decisions FROM released.outcomes_by_task GROUP BY window_start, task_class);
CREATE SIGNAL unread AS SELECT window_start, decisions FROM released.outcomes_by_task WHERE decisions < 0;
"""

# What is wrong with the page, in words; nothing when all is well.
LOOK = """signals => {
  const wrong = [];
  const colour = text => {
    const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number);
    return { rgb: [r, g, b], a };
  };
  const light = ({ rgb }) => {
    const [r, g, b] = rgb.map(c => c / 255).map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = element => {
    for (let at = element; at; at = at.parentElement) {
      const { a, rgb } = colour(getComputedStyle(at).backgroundColor);
      if (a === 1) return { rgb };
    }
    return { rgb: [255, 255, 255] };
  };
  if (document.documentElement.scrollWidth > innerWidth) wrong.push('the page is wider than its window');
  const named = [...document.querySelectorAll('main > section')].map(section => section.id);
  if (named.join() !== signals.join()) wrong.push('sections are ' + named);
  for (const element of document.querySelectorAll('section, figure, figure svg')) {
    const { width, height } = element.getBoundingClientRect();
    if (width < 200 || height < 60) wrong.push(`${element.tagName} ${element.id} is ${width} by ${height}`);
  }
  const words = [...document.querySelectorAll('body *')].filter(element =>
    !['TITLE', 'DESC', 'STYLE'].includes(element.tagName.toUpperCase()) && element.checkVisibility()
    && [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim()));
  for (const element of words) {
    const style = getComputedStyle(element);
    const isDrawn = element instanceof SVGElement;
    // A letter stands on its cell.
    const isOnCell = element.classList.contains('letter');
    const cell = isOnCell && getComputedStyle(element.previousElementSibling).fill;
    if (isOnCell && !cell.startsWith('rgb')) continue;
    const behind = isOnCell ? colour(cell) : ground(element);
    const [low, high] = [light(colour(isDrawn ? style.fill : style.color)), light(behind)].sort((a, b) => a - b);
    const contrast = (high + 0.05) / (low + 0.05);
    const text = element.textContent.trim().slice(0, 30);
    if (contrast < 4.5) wrong.push(`contrast ${contrast.toFixed(1)} of "${text}" (${element.getAttribute('class')})`);
    if (isDrawn) {
      const [box, view] = [element.getBBox(), element.ownerSVGElement.viewBox.baseVal];
      if (box.x < 0 || box.y < 0 || box.x + box.width > view.width || box.y + box.height > view.height)
        wrong.push(`"${text}" is cut off`);
      const size = element.getBoundingClientRect().height;
      if (size < 9) wrong.push(`"${text}" is ${size} high`);
    }
  }
  if (!document.querySelector('.cell.withheld')) wrong.push('no cell is hatched');
  if (!document.querySelector('.cell.drift')) wrong.push('no cell drifts');
  return wrong;
}"""


def report(binary: str, project: Path, page: Path) -> None:
    """Draws the demo's signals, and a few more."""

    def tidegate(*arguments: str) -> None:
        subprocess.run([binary, *arguments], check=True, stdout=subprocess.DEVNULL)

    tidegate("demo", "--dir", str(project), "--rows", "100000")
    (project / "sql" / "verdicts.sql").write_text(SQL)
    tidegate("run", "--until-end", "--project", str(project))
    tidegate("report", "--html", str(page), "--project", str(project))


def launch(playwright):
    """Chromium from the PATH, or else playwright's own; nothing when none of them starts."""
    system = next(filter(None, map(shutil.which, NAMES)), None)
    # Chromium's sandbox does not start as root, as in many containers. The page is our own.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    try:
        return playwright.chromium.launch(executable_path=system, args=arguments, timeout=60_000)
    except Error as error:
        print(f"skipped: no Chromium starts: {str(error).splitlines()[0]}")
        return None


def look(browser, page: Path, size: tuple[int, int], scheme: str) -> list[str]:
    """What is wrong with the page at one size in one scheme; leaves a picture beside it."""
    wrong = []
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, offline=True, device_scale_factor=1
    )
    tab = context.new_page()
    address = page.as_uri()
    tab.on("request", lambda request: request.url == address or wrong.append(f"asks for {request.url}"))
    tab.on("console", lambda message: wrong.append(f"console: {message.text}"))
    tab.on("pageerror", lambda error: wrong.append(f"error: {error}"))
    tab.on("dialog", lambda dialog: (wrong.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    tab.goto(address)
    wrong += tab.evaluate(LOOK, SIGNALS)
    tab.screenshot(path=page.with_name(f"{scheme}-{size[0]}.png"), full_page=True)
    context.close()
    return wrong


def main() -> int:
    with sync_playwright() as playwright:
        browser = launch(playwright)
        if browser is None:
            return 0
        pictures = Path(tempfile.mkdtemp(prefix="tidegate-report-"))
        page = pictures / "report.html"
        with tempfile.TemporaryDirectory() as project:
            report(sys.argv[1], Path(project) / "demo", page)
        found = [
            f"{scheme}, {size[0]} by {size[1]}: {problem}"
            for size in VIEWPORTS
            for scheme in SCHEMES
            for problem in look(browser, page, size, scheme)
        ]
        browser.close()
    print(f"pictures are in {pictures}")
    print("\n".join(found[:40]) if found else "the report is well in Chromium")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
