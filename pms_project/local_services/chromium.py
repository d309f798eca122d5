"""A Chromium for the tests that look at pages."""

from __future__ import annotations

import shutil
from pathlib import Path

from pms_project.local_services import debian

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def executable() -> Path:
    """The browser that is there, or Debian's. Raises `ServiceUnavailable` when there can be none."""
    if _found() is None:
        debian.install("chromium", otherwise="Run 'sudo apt-get install chromium'.")
    return Path(_found() or NAMES[0])


def _found() -> str | None:
    return next(filter(None, map(shutil.which, NAMES)), None)
