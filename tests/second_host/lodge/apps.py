"""The app of the models."""

from django.apps import AppConfig

from tests.second_host.celery import app


class LodgeConfig(AppConfig):
    name = "tests.second_host.lodge"
    label = "lodge"

    def ready(self) -> None:
        from channel_sync.broker.celery_options import celery_options

        app.conf.update(celery_options())
