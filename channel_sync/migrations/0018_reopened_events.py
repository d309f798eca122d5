"""Since when an event that somebody retried or replayed waits."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("channel_sync", "0017_first_sync_failures")]

    operations = [
        migrations.AddField(
            "channelevent",
            "reopened_at",
            models.DateTimeField(
                blank=True, help_text="When somebody last retried or replayed it: it waits since then.", null=True
            ),
        ),
    ]
