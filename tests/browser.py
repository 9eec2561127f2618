"""The browser of those tests that need one: Debian's Chromium.

Not every machine that runs the tests has it: without it they are left out, and the summary says so. With
REQUIRE_BROWSER set, as in `.ci/run`, a missing browser is a failure.
"""

import os
import shutil

BINARY = shutil.which("chromium")
REQUIRED = bool(os.environ.get("REQUIRE_BROWSER"))
FILES = (
    "tests/conformance/test_browser.py",
    "tests/web/test_accessibility_in_browser.py",
    "tests/web/test_explorer_in_browser.py",
    "tests/web/test_every_page_in_browser.py",
    "tests/web/test_guidelines_in_browser.py",
    "tests/web/test_knowledge_in_browser.py",
)
"""The files that need it."""
LEFT_OUT = f"No chromium is installed, so these were left out: {', '.join(FILES)}"


def left_out(folder: str) -> list[str]:
    """The files of a folder that cannot be run here."""
    return [] if BINARY else [file.rpartition("/")[2] for file in FILES if file.startswith(f"tests/{folder}/")]
