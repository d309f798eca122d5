"""The host with the bare references beside it: a view and a task that each write one row and commit."""

from benchmarks.bare_host.tasks import app as celery_app

__all__ = ["celery_app"]
