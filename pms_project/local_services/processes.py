"""Our own processes: web, workers, beat and simulator, each with a log file."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

from pms_project.local_services.errors import ServiceUnavailable

ROOT = Path(__file__).resolve().parent.parent.parent
STOP_SECONDS = 15
LOG_TAIL = 15


class Processes:
    """Context manager: what was started in it is stopped at its end."""

    def __init__(self, environment: Mapping[str, str], logs: Path) -> None:
        self.environment = {**os.environ, **environment}
        self._logs = logs
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, command: Sequence[str]) -> subprocess.Popen[bytes]:
        """Start a Python module or script of this project under a name."""
        with self.log(name).open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, *command],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._running[name] = process
        return process

    def run(self, *command: str) -> str:
        """Run `manage.py` with a command and return its output. Raises `ServiceUnavailable` when it fails."""
        result = subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode != 0:
            raise ServiceUnavailable(f"manage.py {command[0]} failed:\n{result.stderr.strip()}")
        return result.stdout

    def log(self, name: str) -> Path:
        """The log file of a process."""
        return self._logs / f"{name.replace(' ', '_')}.log"

    def require_alive(self) -> None:
        """Raise `ServiceUnavailable` with the end of its log when a process is gone."""
        for name, process in self._running.items():
            if process.poll() is not None:
                tail = "\n".join(self.log(name).read_text(errors="replace").splitlines()[-LOG_TAIL:])
                raise ServiceUnavailable(f"The {name} ended with code {process.returncode}:\n{tail}")

    def stop(self, name: str, how: signal.Signals = signal.SIGTERM) -> None:
        """Stop one process and its children."""
        process = self._running.pop(name)
        _signal(process, how)
        _wait(process)

    def __enter__(self) -> Processes:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._running.values():
            _signal(process, signal.SIGTERM)
        for process in self._running.values():
            _wait(process)
        self._running.clear()


def _signal(process: subprocess.Popen[bytes], how: signal.Signals) -> None:
    if process.poll() is not None:
        return
    if how is signal.SIGKILL:
        os.killpg(process.pid, how)
    else:
        # The parent alone: Celery and gunicorn stop their children in good order.
        process.send_signal(how)


def _wait(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
