from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

import channel_sync.models.columns


class Migration(migrations.Migration):
    # Built while events go on being written; not in a transaction, as PostgreSQL wants it.
    atomic = False

    dependencies = [
        ("channel_sync", "0007_large_table_indexes"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="channelevent",
            index=channel_sync.models.columns.NamedIndex(
                condition=models.Q(("status__in", ["received", "retrying", "processing"])),
                fields=["channel_property", "direction", "received_at"],
                name="idx_channel_events_open",
            ),
        ),
    ]
