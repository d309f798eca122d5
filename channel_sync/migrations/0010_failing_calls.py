from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("channel_sync", "0009_secrets_and_alerts"),
    ]

    operations = [
        migrations.AddField(
            model_name="channelaccount",
            name="failing_calls",
            field=models.JSONField(
                db_default={},
                default=dict,
                help_text="What fails while the channel does not answer: method and path, and when.",
            ),
        ),
    ]
