"""Wait for what comes by itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")
PATIENCE_SECONDS = 60.0


def until(look: Callable[[], Found], *, seconds: float = PATIENCE_SECONDS) -> Found:
    """What `look` finds, as soon as that is true. The feed waits for every transaction of the cluster, those of other
    tests included.
    """
    end = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < end, f"nothing came in {seconds} s"
        time.sleep(0.02)
    return found
