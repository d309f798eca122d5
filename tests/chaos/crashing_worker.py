"""A Celery worker that kills its own process at a named step, once, when a file says so.

`CRASH_FILE` names the file; its content is one of `crashing_worker_steps.STEPS`. Taking the file away is atomic: one
process crashes.
"""

from __future__ import annotations

import functools
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from celery.__main__ import main

from channel_sync.channels.beds24.client import Client

CRASH_FILE = Path(os.environ["CRASH_FILE"])


def crash(step: str) -> None:
    """Die here, if this is the step that is asked for."""
    try:
        if CRASH_FILE.read_text() != step:
            return
        CRASH_FILE.rename(CRASH_FILE.with_suffix(f".{os.getpid()}"))
    except FileNotFoundError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


def around(function: Callable[..., Any], before: str | None, after: str | None) -> Callable[..., Any]:
    """The function with a place to die before and after it."""

    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if before:
            crash(before)
        result = function(*args, **kwargs)
        if after and result is not None:
            crash(after)
        return result

    return wrapped


def install() -> None:
    """Put the places to die into the worker's code."""
    import django

    django.setup()
    from channel_sync.broker import deliveries
    from channel_sync.events import processing
    from channel_sync.inbound import new_bookings
    from channel_sync.outbound import sent_together

    processing.claim = around(processing.claim, "before_claim", "after_claim")  # type: ignore[assignment]
    new_bookings.complete_together = around(new_bookings.complete_together, "before_commit_together", None)
    sent_together.complete_together = around(sent_together.complete_together, "before_commit_of_sent", None)
    Client.post_items = around(Client.post_items, None, "after_call")  # type: ignore[method-assign]
    deliveries.process = around(deliveries.process, None, "after_commit")  # type: ignore[assignment]


if __name__ == "__main__":
    install()
    sys.argv[0] = "celery"
    sys.exit(main())
