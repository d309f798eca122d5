from django.db import migrations, models

from channel_sync.models.columns import ClockTimestamp, NamedIndex
from channel_sync.models.uuid_key import UuidKey


class Migration(migrations.Migration):
    dependencies = [
        ("channel_sync", "0049_answers_say_whose"),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="webhookdelivery",
            name="idx_channel_webhook_deliveries_subscription",
        ),
        migrations.AlterField(
            model_name="auditentry",
            name="created_at",
            field=models.DateTimeField(db_default=ClockTimestamp(), editable=False, null=True),
        ),
        UuidKey("auditentry"),
        UuidKey("propertyrole"),
        migrations.AlterField(
            model_name="webhookdelivery",
            name="created_at",
            field=models.DateTimeField(db_default=ClockTimestamp(), editable=False, null=True),
        ),
        UuidKey("webhookdelivery"),
        migrations.AddIndex(
            model_name="webhookdelivery",
            index=NamedIndex(
                fields=["subscription", "-created_at"], name="idx_channel_webhook_deliveries_subscription"
            ),
        ),
    ]
