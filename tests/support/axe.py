"""axe-core, which finds what keeps people from using a page: got once with npm, and pinned.

problems(page)      # [] or a line for each rule that the page breaks, with where

It runs in the page as it is; the page's policy lets no script in but ours, so the browser's context
has to be made with `bypass_csp=True`.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from playwright.sync_api import Page

PACKAGE, SHA256 = (
    "axe-core@4.14.1",
    "e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745",
)
SCRIPT = Path(sys.prefix) / f"{PACKAGE.replace('@', '-')}.min.js"
RUN = """async () => {
  const found = await axe.run(document, { resultTypes: ["violations"] });
  if (!found.passes.length) throw new Error("axe has looked at nothing");
  return found.violations.map((each) => `${each.id}: ${each.nodes.map((node) => node.target)}`);
}"""


def problems(page: Page) -> list[str]:
    """What axe finds on the page as it is now: WCAG 2.0 to 2.2 A and AA, and best practice."""
    if not SCRIPT.is_file():
        _get_script()
    page.add_script_tag(path=SCRIPT)
    found: list[str] = page.evaluate(RUN)
    return found


def _get_script() -> None:
    """Put the script beside the packages of the tests. Raises RuntimeError for other bytes."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["npm", "pack", "--silent", PACKAGE]
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=600)
        [bundle] = Path(folder).glob("*.tgz")
        if hashlib.sha256(bundle.read_bytes()).hexdigest() != SHA256:
            raise RuntimeError(f"What npm brought as {PACKAGE} is not what is expected.")
        with tarfile.open(bundle) as opened:
            script = opened.extractfile("package/axe.min.js")
            assert script
            SCRIPT.write_bytes(script.read())
