"""Every migration runs forward and backward, and the data of the time before is carried."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.state import StateApps

BEFORE = [("pms", "0002_reservation_version"), ("channel_sync", "0001_initial")]


def migrate(targets: list[tuple[str, str | None]]) -> StateApps:
    executor = MigrationExecutor(connection)
    executor.migrate(targets)
    return (
        MigrationExecutor(connection)
        .loader.project_state(
            [target for target in targets if target[1] is not None]  # type: ignore[misc]
        )
        .apps
    )


@pytest.fixture
def migrations_afterwards(transactional_db: None) -> Iterator[None]:
    yield
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())


@pytest.fixture
def old_hotel(migrations_afterwards: None) -> dict[str, UUID]:
    """A hotel with the columns of the time before: six rooms, one of them under an id that two types name."""
    apps = migrate([*BEFORE])
    hotel = apps.get_model("pms", "HotelSettings").objects.create(name="Old")
    apps.get_model("pms", "Beds24Config").objects.create(hotel=hotel, beds24_property_id="1001")
    room_type, room = apps.get_model("pms", "RoomType"), apps.get_model("pms", "Room")
    double = room_type.objects.create(hotel=hotel, name="Double", units=2)
    single = room_type.objects.create(hotel=hotel, name="Single", units=2)
    shared = room_type.objects.create(hotel=hotel, name="Shared", units=2)
    ids: dict[str, UUID] = {"hotel": hotel.id, "double": double.id, "single": single.id, "shared": shared.id}
    for number, kind, beds24 in (
        ("11", double, "2001"),
        ("12", double, "2001"),
        ("21", single, "2002:1"),
        ("22", single, "2003"),
        ("31", shared, "2003"),
        ("32", shared, None),
    ):
        ids[number] = room.objects.create(room_type=kind, number=number, beds24_room_id=beds24).id
    return ids


def test_old_ids_are_carried_into_properties_and_mappings(old_hotel: dict[str, UUID]) -> None:
    apps = migrate([("pms", "0003_carry_beds24_ids"), ("channel_sync", "0001_initial")])

    channel_property = apps.get_model("channel_sync", "ChannelProperty").objects.get()
    mappings = apps.get_model("channel_sync", "ChannelMapping").objects.values_list(
        "mapping_type", "internal_id", "external_id"
    )
    assert (channel_property.property_id, channel_property.channel_property_id) == (old_hotel["hotel"], "1001")
    assert set(mappings) == {
        ("room", old_hotel["11"], "2001:1"),
        ("room", old_hotel["12"], "2001:2"),
        ("room", old_hotel["21"], "2002:1"),
        ("room", old_hotel["22"], "2003:1"),
        ("room", old_hotel["31"], "2003:2"),
        ("room_type", old_hotel["double"], "2001"),
    }


@pytest.mark.usefixtures("old_hotel")
def test_going_back_removes_what_was_carried_and_nothing_else() -> None:
    apps = migrate([("pms", "0003_carry_beds24_ids"), ("channel_sync", "0001_initial")])
    channel_property = apps.get_model("channel_sync", "ChannelProperty")
    hotel = apps.get_model("pms", "HotelSettings").objects.create(name="New")
    kept = channel_property.objects.create(property=hotel, channel_name="beds24", channel_property_id="1002")

    apps = migrate([*BEFORE])

    assert list(apps.get_model("channel_sync", "ChannelProperty").objects.values_list("id", flat=True)) == [kept.id]
    assert not apps.get_model("channel_sync", "ChannelMapping").objects.exists()


@pytest.mark.usefixtures("migrations_afterwards")
def test_every_migration_runs_backward() -> None:
    migrate([("channel_sync", None), ("pms", None)])

    tables = connection.introspection.table_names()
    assert not [table for table in tables if table.startswith(("channel_", "inventory_", "rate_limit", "reservations"))]


def test_the_models_have_no_change_without_a_migration(db: None) -> None:
    from django.core.management import call_command

    call_command("makemigrations", "--check", "--dry-run", verbosity=0)


def test_a_pause_from_before_keeps_its_beginning(migrations_afterwards: None) -> None:
    apps = migrate([("channel_sync", "0034_pause")])
    model, audit = apps.get_model("channel_sync", "ChannelProperty"), apps.get_model("channel_sync", "AuditEntry")
    hotels = [apps.get_model("pms", "HotelSettings").objects.create(name=name) for name in ("Old", "New")]
    paused, active = (
        model.objects.create(property_id=hotel.id, channel_name="beds24", channel_property_id=hotel.name, status=status)
        for hotel, status in zip(hotels, ("inactive", "active"), strict=True)
    )
    for found, actor in ((paused, "grace"), (paused, "ada"), (active, "ada")):
        audit.objects.create(actor=actor, action="property.paused", subject=f"property:{found.id}", details={})

    model = migrate([("channel_sync", "0035_pauses_begun")]).get_model("channel_sync", "ChannelProperty")

    begun = audit.objects.get(actor="ada", subject=f"property:{paused.id}").created_at
    assert model.objects.filter(id=paused.id).values_list("paused_at", "paused_by").get() == (begun, "ada")
    assert model.objects.filter(id=active.id).values_list("paused_at", "paused_by").get() == (None, None)


def test_rows_get_new_ids_that_do_not_count_and_lose_nothing_else(migrations_afterwards: None) -> None:
    before = migrate([("channel_sync", "0049_answers_say_whose"), ("pms", "0011_reads_of_reservations")])
    user = before.get_model("auth", "User").objects.create(username="ada")
    hotel = before.get_model("pms", "HotelSettings").objects.create(name="Old")
    before.get_model("pms", "HotelMembership").objects.create(user=user, hotel=hotel)
    before.get_model("channel_sync", "PropertyRole").objects.create(user_id=user.id, property_id=hotel.id, role=2)
    for number in range(3):
        before.get_model("channel_sync", "AuditEntry").objects.create(actor="ada", action="x", subject=str(number))

    after = migrate([("channel_sync", "0050_ids_that_do_not_count"), ("pms", "0013_membership_ids")])

    entries = after.get_model("channel_sync", "AuditEntry").objects.order_by("created_at")
    assert list(entries.values_list("subject", flat=True)) == ["0", "1", "2"]
    assert {type(one) for one in entries.values_list("id", flat=True)} == {UUID}
    role = after.get_model("channel_sync", "PropertyRole").objects.get()
    membership = after.get_model("pms", "HotelMembership").objects.get()
    assert (role.user_id, role.property_id, role.role) == (user.id, hotel.id, 2)
    assert (membership.user_id, membership.hotel_id) == (user.id, hotel.id)
