"""`manage.py channel_sync_watch`: look at everything again and again, and tell alerts."""

from __future__ import annotations

import os
import signal
import socket
import threading
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from channel_sync.database_clock import database_now
from channel_sync.monitoring.watch import Watch


class Command(BaseCommand):
    """Runs until it is stopped; start one or more, one of them alerts and the others stand by."""

    help = (
        "Watch queues, events, credits, workers, broker, database and channels, and tell alerts by the ways that the "
        "settings name. It needs neither a worker nor beat, and tells when broker or database is away."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Once, for a scheduler of one's own."""
        parser.add_argument("--once", action="store_true", help="Look once and end.")

    def handle(self, *args: Any, **options: Any) -> None:
        """End with SIGTERM or Ctrl-C."""
        stopped = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopped.set())

        def pause(time: timedelta) -> bool:
            return not stopped.wait(time.total_seconds())

        watch = Watch(f"watch@{socket.gethostname()}:{os.getpid()}", pause)
        if options["once"]:
            watch.look_once(database_now())
        else:
            watch.run()
