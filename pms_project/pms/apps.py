"""The PMS as a Django app."""

from django.apps import AppConfig

from pms_project.celery import app


class PmsConfig(AppConfig):
    """Hotels, rooms, rates, guests, reservations and maintenance."""

    name = "pms_project.pms"
    label = "pms"
    verbose_name = "PMS"

    def ready(self) -> None:
        """Give the Celery app the queues and the beat schedule of channel_sync."""
        # The topology reads the settings, which are complete only from here on.
        from channel_sync.broker.celery_options import celery_options

        app.conf.update(celery_options())
