"""A second host, with models of other names and shapes: channel_sync meets it through settings and the port alone."""

from tests.second_host.celery import app as celery_app

__all__ = ["celery_app"]
