"""A RabbitMQ to work on: the one that is named, the one that answers, or a private node."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kombu import Connection
from kombu.exceptions import OperationalError

from pms_project.local_services import debian
from pms_project.local_services.errors import ServiceUnavailable
from pms_project.local_services.ports import free_port, wait_until

USUAL_URL = "amqp://guest:guest@127.0.0.1:5672//"
SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
START_SECONDS = 90
STOP_SECONDS = 30


@contextmanager
def server(*, private: bool) -> Iterator[str]:
    """The URL of a broker.

    A `RABBITMQ_URL` that is set and does not answer is an error; `private` starts a node whatever answers.
    """
    url = None if private else found()
    if url is not None:
        yield url
        return
    with private_node() as node:
        yield node.url


def found() -> str | None:
    """The broker that `RABBITMQ_URL` names, or that answers on the usual port. Raises `ServiceUnavailable`."""
    named = os.environ.get("RABBITMQ_URL")
    if named and not answers(named):
        raise ServiceUnavailable("RABBITMQ_URL is set and no RabbitMQ answers there. Start it or unset it.")
    return named or (USUAL_URL if answers(USUAL_URL) else None)


def answers(url: str) -> bool:
    """Whether a login works."""
    try:
        with Connection(url, connect_timeout=3) as connection:
            connection.ensure_connection(max_retries=1, timeout=3)
            return True
    except (OSError, OperationalError):
        return False


@contextmanager
def private_node() -> Iterator[PrivateNode]:
    """A running node with ports, data and an epmd of its own; everything is gone in the end."""
    _require_server()
    with tempfile.TemporaryDirectory(prefix="channel_sync_mq_", ignore_cleanup_errors=True) as directory:
        node = PrivateNode(Path(directory))
        node.start()
        try:
            yield node
        finally:
            node.stop()
            subprocess.run(["epmd", "-port", str(node.epmd_port), "-kill"], capture_output=True, check=False)


class PrivateNode:
    """A RabbitMQ node that can be stopped, killed and started again with its data."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.data = directory / "data"
        self._process: subprocess.Popen[bytes] | None = None
        self._port = free_port()
        self.epmd_port = free_port()
        self.url = f"amqp://guest:guest@127.0.0.1:{self._port}//"
        configuration = directory / "rabbitmq.conf"
        configuration.write_text(f"listeners.tcp.default = 127.0.0.1:{self._port}\n")
        self._environment = {
            **os.environ,
            "HOME": str(directory),
            "RABBITMQ_NODENAME": f"channel_sync_{self._port}@localhost",
            "RABBITMQ_DIST_PORT": str(free_port()),
            "ERL_EPMD_PORT": str(self.epmd_port),
            "RABBITMQ_MNESIA_BASE": str(self.data),
            "RABBITMQ_LOG_BASE": str(directory / "log"),
            "RABBITMQ_CONFIG_FILE": str(configuration),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(directory / "plugins"),
        }

    def start(self) -> None:
        """Start the node and wait until it takes logins."""
        output = (self._directory / "output.log").open("ab")
        self._process = subprocess.Popen(
            [str(SERVER)], env=self._environment, stdout=output, stderr=output, start_new_session=True
        )
        wait_until(lambda: answers(self.url), "The start of the private RabbitMQ", START_SECONDS)

    def stop(self) -> None:
        """Shut the node down in good order."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Kill the node as a crash would."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        os.killpg(process.pid, how)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _require_server() -> None:
    if not SERVER.exists():
        debian.install("rabbitmq-server", otherwise="Run 'sudo apt-get install rabbitmq-server', or set RABBITMQ_URL.")
