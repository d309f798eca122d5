from django.db import migrations, models

import channel_sync.models.secret


class Migration(migrations.Migration):
    dependencies = [
        ("channel_sync", "0008_open_events"),
    ]

    operations = [
        migrations.AlterField(
            model_name="alert",
            name="kind",
            field=models.CharField(
                choices=[
                    ("dead_letters", "dead letters"),
                    ("success_rate", "success rate"),
                    ("channel_unavailable", "channel unavailable"),
                    ("failed_events", "failed events"),
                    ("queue_depth", "queue depth"),
                    ("overbooking", "overbooking"),
                    ("credits_nearly_used", "credits nearly used"),
                    ("login_refused", "login refused"),
                    ("secret_unreadable", "secret unreadable"),
                    ("booking_not_applied", "booking not applied"),
                    ("broker_unreachable", "broker unreachable"),
                    ("database_unreachable", "database unreachable"),
                    ("worker_missing", "worker missing"),
                    ("beat_missing", "beat missing"),
                ],
                max_length=50,
            ),
        ),
        migrations.AlterField(
            model_name="channelaccount",
            name="access_token",
            field=channel_sync.models.secret.SecretTextField(null=True),
        ),
        migrations.AlterField(
            model_name="channelaccount",
            name="refresh_token",
            field=channel_sync.models.secret.SecretTextField(),
        ),
        migrations.AlterField(
            model_name="channelconnection",
            name="webhook_secret",
            field=channel_sync.models.secret.SecretTextField(),
        ),
        migrations.AlterField(
            model_name="channelconnection",
            name="webhook_secret_previous",
            field=channel_sync.models.secret.SecretTextField(
                blank=True, help_text="Still accepted while the new secret is rolled out.", null=True
            ),
        ),
    ]
