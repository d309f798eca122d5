import django.contrib.postgres.functions
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import channel_sync.models.columns


class Migration(migrations.Migration):
    dependencies = [
        ("channel_sync", "0024_warnings_and_bases"),
        migrations.swappable_dependency(settings.CHANNEL_SYNC_ROOM_TYPE_MODEL),
        migrations.swappable_dependency(settings.CHANNEL_SYNC_RESERVATION_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="reservationlink",
            name="group_id",
            field=models.CharField(
                blank=True, db_default="", default="", help_text="The booking that leads its group.", max_length=255
            ),
        ),
        migrations.AddField(
            model_name="reservationlink",
            name="ota",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="Where the booking was made.",
                max_length=50,
            ),
        ),
        migrations.AddField(
            model_name="reservationlink",
            name="ota_reference",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="The number that the guest knows it by.",
                max_length=255,
            ),
        ),
        migrations.AlterField(
            model_name="conflict",
            name="kind",
            field=models.CharField(
                choices=[
                    ("overbooking", "Overbooking"),
                    ("late_confirmation", "Late Confirmation"),
                    ("concurrent_change", "Concurrent Change"),
                    ("stay_begun", "Stay Begun"),
                    ("cancelled_here", "Cancelled Here"),
                    ("missing_at_channel", "Missing At Channel"),
                    ("dates", "Dates"),
                    ("room", "Room"),
                    ("status", "Status"),
                    ("price", "Price"),
                    ("guest", "Guest"),
                    ("availability", "Availability"),
                    ("room_quantity", "Room Quantity"),
                    ("rate", "Rate"),
                    ("unreadable", "Unreadable"),
                ],
                max_length=50,
            ),
        ),
        migrations.CreateModel(
            name="ChannelClaim",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=django.contrib.postgres.functions.RandomUUID(),
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("external_id", models.CharField(help_text="The booking at the channel.", max_length=255)),
                ("check_in", models.DateField()),
                ("check_out", models.DateField()),
                ("units", models.IntegerField(db_default=1, default=1)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=channel_sync.models.columns.CurrentTimestamp(), editable=False, null=True
                    ),
                ),
                (
                    "updated_at",
                    models.DateTimeField(
                        auto_now=True, db_default=channel_sync.models.columns.CurrentTimestamp(), null=True
                    ),
                ),
                (
                    "channel_property",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="claims",
                        to="channel_sync.channelproperty",
                    ),
                ),
                (
                    "reservation",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="channel_claims",
                        to=settings.CHANNEL_SYNC_RESERVATION_MODEL,
                    ),
                ),
                (
                    "room_type",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="channel_claims",
                        to=settings.CHANNEL_SYNC_ROOM_TYPE_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "claim of a channel",
                "verbose_name_plural": "claims of channels",
                "db_table": "channel_claims",
                "indexes": [
                    channel_sync.models.columns.NamedIndex(
                        fields=["room_type", "check_in", "check_out"], name="idx_channel_claims_room_type_dates"
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("channel_property", "external_id"), name="channel_claims_external_id_key"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("check_out__gt", models.F("check_in")), ("units__gt", 0)),
                        name="channel_claims_stay_check",
                    ),
                ],
            },
        ),
    ]
