from typing import Any

from django.db import migrations

from channel_sync.models.uuid_key import UuidKey


def forget_guests(apps: Any, schema_editor: Any) -> None:
    """The log of the admin named every guest who was added or deleted there."""
    kinds = apps.get_model("contenttypes", "ContentType").objects.filter(app_label="pms", model="guest")
    entries = apps.get_model("admin", "LogEntry").objects.filter(content_type__in=kinds.values("pk"))
    entries.update(object_repr="Guest")


class Migration(migrations.Migration):
    dependencies = [
        ("pms", "0011_reads_of_reservations"),
        ("admin", "0003_logentry_add_action_flag_choices"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [
        UuidKey("hotelmembership"),
        migrations.RunPython(forget_guests, migrations.RunPython.noop),
    ]
