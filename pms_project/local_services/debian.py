"""Install a Debian package where this process may; say what to install where it may not."""

from __future__ import annotations

import os
import shutil
import subprocess

from pms_project.local_services.errors import ServiceUnavailable


def install(package: str, *, otherwise: str) -> None:
    """Install from Debian's archive. Raises `ServiceUnavailable` that ends with `otherwise`."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise ServiceUnavailable(f"{package} is missing and cannot be installed from here. {otherwise}")
    print(f"Installing {package} …", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ["apt-get", "-q", "update"],
        ["apt-get", "-q", "install", "--yes", "--no-install-recommends", package],
    ):
        subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
