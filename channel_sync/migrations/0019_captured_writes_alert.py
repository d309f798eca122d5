"""Alerts of captured writes that wait, or are not tried again."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("channel_sync", "0018_reopened_events")]

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
                    ("event_waiting", "event waiting"),
                    ("captured_writes", "captured writes"),
                    ("run_stuck", "run stuck"),
                    ("first_sync_failed", "first synchronisation failed"),
                    ("clock_wrong", "clock wrong"),
                    ("worker_missing", "worker missing"),
                    ("beat_missing", "beat missing"),
                ],
                max_length=50,
            ),
        ),
    ]
