from django.db import migrations

from channel_sync.models.uuid_key import UuidKey


class Migration(migrations.Migration):
    dependencies = [
        ("pms", "0010_hotel_memberships"),
    ]

    operations = [UuidKey("hotelmembership")]
