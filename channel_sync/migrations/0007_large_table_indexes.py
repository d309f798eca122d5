from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

import channel_sync.models.columns


class Migration(migrations.Migration):
    # Built while events go on being written; not in a transaction, as PostgreSQL wants it.
    atomic = False

    dependencies = [
        ("channel_sync", "0006_monitoring"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="apicall",
            index=channel_sync.models.columns.NamedIndex(fields=["created_at"], name="idx_channel_api_calls_created"),
        ),
        AddIndexConcurrently(
            model_name="channelevent",
            index=channel_sync.models.columns.NamedIndex(
                condition=models.Q(("redacted_at__isnull", True), ("status__in", ["done", "ignored"])),
                fields=["received_at"],
                name="idx_channel_events_unredacted",
            ),
        ),
    ]
