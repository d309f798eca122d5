"""Run a command with a PostgreSQL and a RabbitMQ: those that answer, or private ones that end with it.

`python -m pms_project.local_services [--private] -- pytest`
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from contextlib import ExitStack

from pms_project.local_services import postgres, rabbitmq
from pms_project.local_services.errors import ServiceUnavailable


def main() -> int:
    """The exit code of the command; 1 when a service is not there and cannot be started."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--private", action="store_true", help="start servers even where some answer")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="the command and its arguments, after --")
    options = parser.parse_args()
    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    if not command:
        parser.error("a command is needed, after --")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with ExitStack() as stack:
            database_url = stack.enter_context(postgres.server(private=options.private))
            broker_url = stack.enter_context(rabbitmq.server(private=options.private))
            print(f"PostgreSQL and RabbitMQ: {'private' if options.private else 'as found'}.", flush=True)
            environment = {**os.environ, "DATABASE_URL": database_url, "RABBITMQ_URL": broker_url}
            return subprocess.run(command, env=environment, check=False).returncode
    except ServiceUnavailable as error:
        print(f"The command cannot run: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
