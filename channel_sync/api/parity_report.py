"""The report of a parity check as the admin API shows it: of long lists the first, and how many there are."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class StaySerializer(serializers.Serializer[Any]):
    """A booking of the channel, or a reservation of the PMS, or both where they are the same."""

    check_in = serializers.DateField()
    check_out = serializers.DateField()
    room = serializers.CharField()
    booking_id = serializers.CharField(allow_null=True)
    reservation_id = serializers.UUIDField(allow_null=True)
    ota = serializers.CharField()
    differences = serializers.ListField(child=serializers.CharField())


class NightsSerializer(serializers.Serializer[Any]):
    """Neighbouring nights of a room type, and the free units on each side."""

    room = serializers.CharField()
    first = serializers.DateField()
    last = serializers.DateField()
    channel = serializers.IntegerField(allow_null=True)
    pms = serializers.IntegerField()


class PricesSerializer(serializers.Serializer[Any]):
    """Neighbouring nights of a rate plan, and the price on each side."""

    plan = serializers.CharField()
    first = serializers.DateField()
    last = serializers.DateField()
    channel = serializers.CharField(allow_null=True)
    pms = serializers.CharField(allow_null=True)


class StaysSerializer(serializers.Serializer[Any]):
    """Some stays."""

    count = serializers.IntegerField()
    first = StaySerializer(many=True)


class NightRangesSerializer(serializers.Serializer[Any]):
    """Some ranges of nights."""

    count = serializers.IntegerField()
    first = NightsSerializer(many=True)


class PriceRangesSerializer(serializers.Serializer[Any]):
    """Some ranges of prices."""

    count = serializers.IntegerField()
    first = PricesSerializer(many=True)


class SentencesSerializer(serializers.Serializer[Any]):
    """Some sentences, or names of bookings."""

    count = serializers.IntegerField()
    first = serializers.ListField(child=serializers.CharField())


class BookingsReportSerializer(serializers.Serializer[Any]):
    """Who is in house and who is to come, on both sides."""

    same = serializers.IntegerField()
    to_link = StaysSerializer()
    only_channel = StaysSerializer()
    only_pms = StaysSerializer()
    waiting = serializers.IntegerField()
    different = StaysSerializer()
    unreadable = SentencesSerializer()
    no_room = StaysSerializer()
    other_currency = StaysSerializer()


class ParityReportSerializer(serializers.Serializer[Any]):
    """What each side would change."""

    is_clean = serializers.BooleanField()
    reasons = serializers.ListField(child=serializers.CharField())
    setup = SentencesSerializer()
    unmapped = SentencesSerializer()
    bookings = BookingsReportSerializer()
    lowered = NightRangesSerializer()
    raised = NightRangesSerializer()
    prices = PriceRangesSerializer()
    last_night = serializers.DateField()
