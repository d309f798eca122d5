"""The parity check of a property, as the admin API shows and takes it."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from channel_sync.api.known_keys import StrictSerializer
from channel_sync.api.parity_report import ParityReportSerializer
from channel_sync.models import OldBookings, ParityReason, ParityStatus
from channel_sync.operations.parity import Parity


@extend_schema_field(ParityReportSerializer(allow_null=True))
class ReportField(serializers.JSONField):
    """As it was kept; an older report may lack what a newer one has."""


class ParitySerializer(serializers.Serializer[Any]):
    """Whether a property is open, and what both sides would change of each other."""

    is_open = serializers.BooleanField(help_text="Whether everything is sent.")
    held_since = serializers.DateTimeField(allow_null=True)
    held_mappings = serializers.IntegerField(help_text="Mappings of which nothing is sent yet.")
    status = serializers.ChoiceField(choices=ParityStatus.choices, allow_null=True)
    reason = serializers.ChoiceField(choices=ParityReason.choices, allow_null=True)
    made_at = serializers.DateTimeField(allow_null=True)
    accepted_by = serializers.CharField()
    last_error = serializers.CharField()
    report = ReportField(
        allow_null=True, help_text="Names no guest. Long lists are cut: 'count' says how many there are."
    )


class AcceptReportSerializer(StrictSerializer):
    """What becomes of reservations that only the PMS has, all of them together."""

    old_bookings = serializers.ChoiceField(choices=OldBookings.choices)
    made_at = serializers.DateTimeField(
        help_text="Of the report that you have looked at: 409 when both sides were compared again since."
    )


def parity_answer(parity: Parity) -> dict[str, Any]:
    """The answer about a property."""
    check = parity.check
    return ParitySerializer(
        {
            "is_open": parity.is_open,
            "held_since": parity.held_since,
            "held_mappings": parity.held_mappings,
            "status": check.status if check is not None else None,
            "reason": check.reason if check is not None else None,
            "made_at": check.made_at if check is not None else None,
            "accepted_by": check.accepted_by if check is not None else "",
            "last_error": check.last_error if check is not None else "",
            "report": parity.report.shown() if parity.report is not None else None,
        }
    ).data
