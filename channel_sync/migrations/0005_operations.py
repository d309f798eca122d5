import django.db.models.deletion
from django.db import migrations, models

import channel_sync.models.columns


class Migration(migrations.Migration):
    dependencies = [
        ("channel_sync", "0004_reconciliation_staging"),
    ]

    operations = [
        migrations.CreateModel(
            name="AuditEntry",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("actor", models.CharField(help_text="User name, or 'command line'.", max_length=150)),
                (
                    "action",
                    models.CharField(
                        choices=[
                            ("event.retried", "Event Retried"),
                            ("event.replayed", "Event Replayed"),
                            ("event.ignored", "Event Ignored"),
                            ("mapping.created", "Mapping Created"),
                            ("mapping.changed", "Mapping Changed"),
                            ("mapping.removed", "Mapping Removed"),
                            ("conflict.resolved", "Conflict Resolved"),
                            ("run.started", "Run Started"),
                            ("property.connected", "Property Connected"),
                            ("property.paused", "Property Paused"),
                            ("property.resumed", "Property Resumed"),
                            ("connection.tested", "Connection Tested"),
                        ],
                        max_length=50,
                    ),
                ),
                ("subject", models.CharField(help_text="What it was done to, such as 'event:<id>'.", max_length=255)),
                ("details", models.JSONField(db_default={})),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=channel_sync.models.columns.CurrentTimestamp(), editable=False, null=True
                    ),
                ),
            ],
            options={
                "verbose_name": "audit entry",
                "verbose_name_plural": "audit entries",
                "db_table": "channel_audit_entries",
            },
        ),
        migrations.AlterModelOptions(
            name="channelproperty",
            options={
                "permissions": [
                    ("act_as_viewer", "May see events, mappings, conflicts and status"),
                    (
                        "act_as_operator",
                        "May retry, ignore and replay events, resolve conflicts, start reconciliations",
                    ),
                    ("act_as_administrator", "May change mappings, connect and pause properties"),
                ],
                "verbose_name": "channel property",
                "verbose_name_plural": "channel properties",
            },
        ),
        migrations.AddIndex(
            model_name="channelevent",
            index=channel_sync.models.columns.NamedIndex(
                fields=["received_at", "id"], name="idx_channel_events_received"
            ),
        ),
        migrations.AddIndex(
            model_name="channelevent",
            index=channel_sync.models.columns.NamedIndex(
                fields=["channel_property", "received_at"], name="idx_channel_events_property_received"
            ),
        ),
        migrations.AddIndex(
            model_name="channelevent",
            index=channel_sync.models.columns.NamedIndex(
                fields=["event_type", "received_at"], name="idx_channel_events_type_received"
            ),
        ),
        migrations.AddField(
            model_name="auditentry",
            name="channel_property",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="audit_entries",
                to="channel_sync.channelproperty",
            ),
        ),
        migrations.AddIndex(
            model_name="auditentry",
            index=channel_sync.models.columns.NamedIndex(
                fields=["subject", "created_at"], name="idx_channel_audit_entries_subject"
            ),
        ),
        migrations.AddIndex(
            model_name="auditentry",
            index=channel_sync.models.columns.NamedIndex(
                fields=["created_at"], name="idx_channel_audit_entries_created"
            ),
        ),
    ]
