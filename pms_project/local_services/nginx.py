"""An nginx with the configuration of the compose file, on this machine's loopback."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pms_project.local_services import debian
from pms_project.local_services.errors import ServiceUnavailable
from pms_project.local_services.ports import accepts, free_port, wait_until
from pms_project.local_services.processes import ROOT

TEMPLATE = ROOT / "docker" / "nginx" / "nginx.conf.template"
PLACES = (Path("/usr/sbin/nginx"), Path("/usr/local/sbin/nginx"))
PUBLIC_HOST = "pms.example"
START_SECONDS = 15
STOP_SECONDS = 10


@dataclass(frozen=True)
class FrontDoor:
    """Where the proxy listens, the certificate that it shows, and the static files that it serves."""

    http_port: int
    https_port: int
    certificate: Path
    static: Path


def executable() -> Path:
    """The nginx that is there, or Debian's. Raises `ServiceUnavailable` when there can be none."""
    if _found() is None:
        debian.install("nginx-light", otherwise="Run 'sudo apt-get install nginx-light'.")
    return _found() or PLACES[0]


def rendered(values: Mapping[str, str]) -> str:
    """The configuration, its `${NAME}` filled in as the image does. Raises `KeyError` for one without a value."""
    return re.sub(r"\$\{(\w+)\}", lambda found: values[found[1]], TEMPLATE.read_text())


@contextmanager
def front_door(web_port: int, stream_port: int) -> Iterator[FrontDoor]:
    """A running proxy before a web and a stream process of this machine; it and its files are gone in the end."""
    program = executable()
    with tempfile.TemporaryDirectory(prefix="channel_sync_door_") as name:
        directory = Path(name)
        directory.chmod(0o755)  # its workers are nobody
        (directory / "static").mkdir()
        subprocess.run(
            [sys.executable, ROOT / "docker" / "make-env", PUBLIC_HOST, "--self-signed", "--directory", directory],
            check=True,
            capture_output=True,
        )
        door = FrontDoor(free_port(), free_port(), directory / "tls" / "fullchain.pem", directory / "static")
        (directory / "nginx.conf").write_text(
            rendered(
                {
                    "PUBLIC_HOST": PUBLIC_HOST,
                    "HTTP_PORT": str(door.http_port),
                    "HTTPS_PORT": str(door.https_port),
                    "WEB_ADDRESS": f"127.0.0.1:{web_port}",
                    "STREAM_ADDRESS": f"127.0.0.1:{stream_port}",
                    "RESOLVER": "127.0.0.1",
                    "TLS_DIRECTORY": str(directory / "tls"),
                    "STATIC_DIRECTORY": str(door.static),
                    "TEMP_DIRECTORY": str(directory),
                }
            )
        )
        with _running(program, directory, door.https_port):
            yield door


@contextmanager
def _running(program: Path, directory: Path, port: int) -> Iterator[None]:
    log = directory / "log"
    here = f"daemon off; pid {directory}/nginx.pid;"
    command = [str(program), "-p", str(directory), "-c", str(directory / "nginx.conf"), "-g", here]
    with log.open("ab") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True)
    try:
        wait_until(
            lambda: process.poll() is not None or accepts("127.0.0.1", port), "The start of nginx", START_SECONDS
        )
        if process.poll() is not None:
            raise ServiceUnavailable(f"nginx ended with code {process.returncode}:\n{log.read_text()[-2000:]}")
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _found() -> Path | None:
    named = shutil.which("nginx")
    return Path(named) if named else next((place for place in PLACES if place.exists()), None)
