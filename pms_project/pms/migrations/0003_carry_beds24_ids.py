"""Carry the Beds24 ids of the time before channel_sync into its tables.

`beds24_config.beds24_property_id` becomes a channel property. `rooms.beds24_room_id` becomes a `room` mapping to
`<roomId>:<unitId>`, where a value without a unit gets the unit by the order of room numbers, and a `room_type`
mapping where all rooms of the type name one roomId that no other type names. What is not clear is left to a person
and printed. Backward removes exactly what was carried.
"""

from collections import defaultdict

from django.db import migrations

MARK = {"carried_from": "beds24_config"}
CHANNEL = "beds24"


def carry(apps, schema_editor):
    Beds24Config = apps.get_model("pms", "Beds24Config")
    ChannelProperty = apps.get_model("channel_sync", "ChannelProperty")
    for config in Beds24Config.objects.exclude(beds24_property_id="").order_by("id"):
        taken = ChannelProperty.objects.filter(channel_name=CHANNEL, channel_property_id=config.beds24_property_id)
        if taken.exists():
            print(f"\n    Beds24 property {config.beds24_property_id} is named by two hotels; the second is left out.")
            continue
        channel_property, created = ChannelProperty.objects.get_or_create(
            property_id=config.hotel_id,
            channel_name=CHANNEL,
            defaults={"channel_property_id": config.beds24_property_id, "config": MARK},
        )
        if created:
            _carry_rooms(apps, channel_property, config.hotel_id)


def _carry_rooms(apps, channel_property, hotel_id):
    Room = apps.get_model("pms", "Room")
    ChannelMapping = apps.get_model("channel_sync", "ChannelMapping")
    rooms = Room.objects.filter(room_type__hotel_id=hotel_id).exclude(beds24_room_id=None).exclude(beds24_room_id="")
    next_unit = defaultdict(int)
    types_of, rooms_of = defaultdict(set), defaultdict(set)
    mappings, seen = [], set()
    for room in rooms.order_by("number", "id"):
        room_id, _, unit = room.beds24_room_id.partition(":")
        next_unit[room_id] += 1
        external_id = f"{room_id}:{unit or next_unit[room_id]}"
        types_of[room_id].add(room.room_type_id)
        rooms_of[room.room_type_id].add(room_id)
        if external_id in seen:
            print(f"\n    Room {room.number}: {external_id} is mapped to another room already; left out.")
            continue
        seen.add(external_id)
        mappings.append(("room", room.id, external_id))
    for room_type_id, room_ids in rooms_of.items():
        (first, *others) = room_ids
        if others or len(types_of[first]) > 1:
            print(
                f"\n    Room type {room_type_id}: its rooms do not name one Beds24 room of their own; map it by hand."
            )
        else:
            mappings.append(("room_type", room_type_id, first))
    ChannelMapping.objects.bulk_create(
        ChannelMapping(
            channel_property=channel_property,
            mapping_type=mapping_type,
            internal_id=internal_id,
            external_id=external_id,
            metadata=MARK,
        )
        for mapping_type, internal_id, external_id in mappings
    )


def forget(apps, schema_editor):
    apps.get_model("channel_sync", "ChannelMapping").objects.filter(metadata=MARK).delete()
    apps.get_model("channel_sync", "ChannelProperty").objects.filter(config=MARK).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("pms", "0002_reservation_version"),
        ("channel_sync", "0001_initial"),
    ]

    operations = [migrations.RunPython(carry, forget)]
