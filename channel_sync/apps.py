"""The app: checks its settings, then follows the host's models."""

from django.apps import AppConfig
from django.core import checks


class ChannelSyncConfig(AppConfig):
    """`channel_sync` in INSTALLED_APPS, after the app that holds the host's models."""

    name = "channel_sync"
    verbose_name = "Channel sync"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the system checks, and the signals once the settings are sound."""
        # They import models, which exist only from here on.
        from channel_sync.broker.mapping_saved import follow_mappings
        from channel_sync.broker.without_beat import follow_beat
        from channel_sync.broker.worker_connections import follow_tasks
        from channel_sync.capture.installation import follow_migrations as follow_tables
        from channel_sync.checks import check_capture, check_secrets, check_settings, settings_are_sound
        from channel_sync.event_handlers import HANDLERS
        from channel_sync.events.handlers import register
        from channel_sync.heartbeats import follow_workers
        from channel_sync.operations.roles import follow_migrations
        from channel_sync.outbound.signals import connect_signals

        checks.register(check_settings, "channel_sync")
        register(HANDLERS)
        checks.register(check_capture, "channel_sync", checks.Tags.database)
        checks.register(check_secrets, "channel_sync", checks.Tags.database)
        if settings_are_sound():
            connect_signals()
            follow_mappings()
            follow_workers()
            follow_beat()
            follow_tasks()
            follow_migrations()
            follow_tables()
