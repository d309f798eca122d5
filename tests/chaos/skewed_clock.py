"""Celery in a process whose clock is off by `CLOCK_AHEAD` seconds: each way to ask for the time, in each child."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime, timedelta

import time_machine
from celery.__main__ import main

if __name__ == "__main__":
    ahead = timedelta(seconds=float(os.environ["CLOCK_AHEAD"]))
    time_machine.travel(datetime.now(UTC) + ahead, tick=True).start()
    sys.argv[0] = "celery"
    sys.exit(main())
