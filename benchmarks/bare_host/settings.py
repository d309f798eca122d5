"""The host's settings, with the addresses of the bare host."""

from pms_project.settings import *  # noqa: F403

ROOT_URLCONF = "benchmarks.bare_host.urls"
WSGI_APPLICATION = "benchmarks.bare_host.wsgi.application"
