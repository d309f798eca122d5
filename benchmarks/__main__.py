"""`python -m benchmarks [name ...]`: run all benchmarks or those that are named, each in a database of its own.

`DATABASE_URL` and `RABBITMQ_URL` name the servers; `make bench` sees to that.
"""

from __future__ import annotations

import argparse
import importlib
import os
import subprocess
import sys
from uuid import uuid4

from pms_project.local_services import postgres

NAMES = (
    "webhooks",
    "inbound",
    "outbound",
    "availability",
    "reconciliation",
    "events",
    "capture",
    "notifications",
    "memory",
)


def main() -> int:
    """Run and print; the exit code is 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"which ones of {NAMES}; all when none is named")
    names: list[str] = parser.parse_args().names or list(NAMES)
    if len(names) > 1:
        codes = [subprocess.run([sys.executable, "-m", "benchmarks", name], check=False).returncode for name in names]
        return max(codes)
    (name,) = names
    with postgres.database(os.environ["DATABASE_URL"]) as url:
        os.environ.update(
            DATABASE_URL=url,
            DJANGO_SETTINGS_MODULE="pms_project.settings",
            DEBUG="1",
            LOG_LEVEL="ERROR",
            QUEUE_PREFIX=f"bench-{uuid4().hex[:8]}.",
        )
        import django
        from django.conf import settings
        from django.core.management import call_command
        from django.db import connections

        django.setup()
        # With it Django would keep every statement.
        settings.DEBUG = False
        call_command("migrate", verbosity=0)
        print(f"\n== {name} ==", flush=True)
        met = importlib.import_module(f"benchmarks.{name}").run()
        connections.close_all()
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
