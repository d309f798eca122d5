"""The lease of a claim apart from the time at which an event is due, and what an event waits for."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

import channel_sync.models.columns

# What is being processed while this runs keeps its lease, which was kept in `next_attempt_at` until now.
TO_LEASES = """
UPDATE channel_events
SET lease_expires_at = next_attempt_at, next_attempt_at = NULL, lease_holder = 'before leases were kept apart'
WHERE status = 'processing'
"""
FROM_LEASES = """
UPDATE channel_events SET next_attempt_at = lease_expires_at WHERE status = 'processing'
"""


class Migration(migrations.Migration):
    atomic = False  # The index is built without a lock.

    dependencies = [("channel_sync", "0011_closures_sent")]

    operations = [
        migrations.AddField(
            "channelevent",
            "lease_holder",
            models.CharField(
                blank=True, help_text="Which claim of which process has the event.", max_length=255, null=True
            ),
        ),
        migrations.AddField(
            "channelevent",
            "lease_expires_at",
            models.DateTimeField(
                blank=True, help_text="Renewed while the process lives; over, the event goes to another.", null=True
            ),
        ),
        migrations.AddField(
            "channelevent",
            "waits_for",
            models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="What put it off: channel, credits, pause, ...",
                max_length=20,
            ),
        ),
        migrations.RunSQL(TO_LEASES, FROM_LEASES),
        AddIndexConcurrently(
            "channelevent",
            channel_sync.models.columns.NamedIndex(
                condition=models.Q(("lease_expires_at__isnull", False)),
                fields=["lease_expires_at"],
                name="idx_channel_events_leased",
            ),
        ),
    ]
