"""A small but real property management system that channel_sync is plugged into."""

from pms_project.celery import app as celery_app

__all__ = ["celery_app"]
