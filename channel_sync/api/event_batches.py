"""`/admin/events/batch-…`: retry, replay or ignore many events at once."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from channel_sync.api.filters import channel_property_ids
from channel_sync.api.idempotency import idempotent
from channel_sync.api.known_keys import StrictSerializer
from channel_sync.api.requests import MAX_IDS
from channel_sync.api.views import OperationsViewSet
from channel_sync.events.selection import IGNORABLE_STATUSES, REPLAYABLE_STATUSES, EventSelection
from channel_sync.models import ChannelEvent, Direction, EventStatus, EventType
from channel_sync.operations.event_batches import (
    EXPLAINED,
    NAMED,
    BatchResult,
    BatchVerb,
    EventBatch,
    SkipReason,
    count_batch,
    work_batch,
)
from channel_sync.operations.roles import Role

BY_IDS = OpenApiExample("by ids", {"ids": ["6f9619ff-8b86-4d01-b42d-00c04fc964ff"]}, request_only=True)
BY_FILTER = OpenApiExample("by filter", {"filter": {"type": "booking.create"}, "dry_run": True}, request_only=True)
SKIPPED = [{"reason": "other_status", "count": 1, "first": ["6f9619ff-8b86-4d01-b42d-00c04fc964ff"]}]


def _chosen(statuses: Any) -> list[str]:
    """What a filter may name; of what is processed only the ids say which one is meant."""
    return [one.value for one in statuses if one is not EventStatus.PROCESSING]


class EventSelectionSerializer(StrictSerializer):
    """Failed events by what they are; one thing at least is said, or that all are meant."""

    all = serializers.BooleanField(required=False, help_text="All failed events, and nothing else is said.")
    status = serializers.ChoiceField(choices=[EventStatus.FAILED.value], required=False)
    property_id = serializers.UUIDField(required=False)
    type = serializers.ChoiceField(choices=EventType.choices, required=False)
    direction = serializers.ChoiceField(choices=Direction.choices, required=False)
    booking = serializers.CharField(max_length=255, required=False, help_text="Booking number at the channel.")
    received_from = serializers.DateTimeField(required=False)
    received_to = serializers.DateTimeField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """An empty selection would be everything, by accident."""
        means_all = attrs.pop("all", False)
        if means_all == bool(attrs):
            raise serializers.ValidationError("Say which failed events are meant, or 'all': true and nothing else.")
        return attrs


class ReplaySelectionSerializer(EventSelectionSerializer):
    """Events by what they are: failed ones, unless `status` says others."""

    status = serializers.ChoiceField(
        choices=_chosen(REPLAYABLE_STATUSES), required=False, help_text="'failed' unless said."
    )


class IgnoreSelectionSerializer(EventSelectionSerializer):
    """Events by what they are: failed ones, unless `status` says others."""

    status = serializers.ChoiceField(
        choices=_chosen(IGNORABLE_STATUSES), required=False, help_text="'failed' unless said."
    )


class BatchRetrySerializer(StrictSerializer):
    """Either `ids` or `filter`."""

    ids = serializers.ListField(child=serializers.UUIDField(), required=False, min_length=1, max_length=MAX_IDS)
    filter = EventSelectionSerializer(required=False, help_text="Failed events.")
    dry_run = serializers.BooleanField(default=False, help_text="Count, and do nothing.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """One of the two."""
        if ("ids" in attrs) == ("filter" in attrs):
            raise serializers.ValidationError("Send either 'ids' or 'filter'.")
        return attrs


class BatchReplaySerializer(BatchRetrySerializer):
    """Either `ids` or `filter`."""

    filter = ReplaySelectionSerializer(required=False)


class BatchIgnoreSerializer(BatchRetrySerializer):
    """Either `ids` or `filter`, and why."""

    filter = IgnoreSelectionSerializer(required=False)
    reason = serializers.CharField(max_length=500, help_text="Why; it is kept with each event.")


class SkippedSerializer(serializers.Serializer[Any]):
    """Events that nothing is done to, for one reason."""

    reason = serializers.ChoiceField(
        choices=[one.value for one in SkipReason],
        help_text="`not_found`: not there, or not of a property that you operate. `other_status`: this is not done in "
        "its status. `held_by_worker`: a worker has it now. `redacted`: its guest was taken out. `not_bookable`: its "
        "reservation cannot be booked again now; `refused` says why.",
    )
    count = serializers.IntegerField()
    first = serializers.ListField(child=serializers.UUIDField(), help_text=f"The ids of up to {NAMED} of them.")


class BatchCountsSerializer(serializers.Serializer[Any]):
    """What a batch came to."""

    selected = serializers.IntegerField(
        help_text="Events that were named; of a dry run, those that it would be done to."
    )
    skipped = SkippedSerializer(many=True, help_text="Those of them that nothing is done to.")
    dry_run = serializers.BooleanField()


class RestartCountsSerializer(BatchCountsSerializer):
    """What a batch came to that starts events again."""

    refused = serializers.DictField(
        child=serializers.CharField(),
        help_text="Id of an event -> why its reservation cannot be booked again now; it stays failed. Up to "
        f"{EXPLAINED:,} of them.",
    )


class BatchOutcomeSerializer(RestartCountsSerializer):
    """What a batch of retries came to."""

    retried = serializers.IntegerField(help_text="Those that had failed or waited, and start again.")


class ReplayOutcomeSerializer(RestartCountsSerializer):
    """What a batch of replays came to."""

    replayed = serializers.IntegerField(help_text="Those that start again.")


class IgnoreOutcomeSerializer(BatchCountsSerializer):
    """What ignoring many came to."""

    ignored = serializers.IntegerField(help_text="Those that are settled without their effect.")


class EventBatchViewSet(OperationsViewSet):
    """What is done to many events: only to those of properties that the caller operates."""

    queryset = ChannelEvent.objects.all()
    roles: ClassVar[Any] = dict.fromkeys(("batch_retry", "batch_replay", "batch_ignore"), Role.OPERATOR)

    @extend_schema(
        request=BatchRetrySerializer,
        responses=BatchOutcomeSerializer,
        filters=False,
        examples=[
            BY_IDS,
            BY_FILTER,
            OpenApiExample(
                "answer",
                {"selected": 12, "retried": 11, "skipped": SKIPPED, "refused": {}, "dry_run": False},
                response_only=True,
            ),
        ],
    )
    @action(detail=False, methods=["post"], url_path="batch-retry", pagination_class=None)
    @idempotent(in_transaction=False)
    def batch_retry(self, request: Request) -> Response:
        """Start events again: failed or waiting ones of some ids, or all failed ones that a filter selects.

        Only those of properties that you operate; the ids of others are answered like ids that are not there. A filter
        takes any number, some thousands at a time: asked once more after a failure it goes on with the rest.
        """
        result, dry_run = self._batch(BatchVerb.RETRY, BatchRetrySerializer(data=request.data))
        return Response({**_counts(result, dry_run), "retried": _done(result, dry_run), **_refused(result)})

    @extend_schema(
        request=BatchReplaySerializer,
        responses=ReplayOutcomeSerializer,
        filters=False,
        examples=[
            BY_IDS,
            OpenApiExample(
                "what was done since",
                {
                    "filter": {
                        "status": "done",
                        "received_from": "2027-03-01T12:00Z",
                        "received_to": "2027-03-01T13:00Z",
                    }
                },
                request_only=True,
            ),
            OpenApiExample(
                "answer",
                {"selected": 12, "replayed": 11, "skipped": SKIPPED, "refused": {}, "dry_run": False},
                response_only=True,
            ),
        ],
    )
    @action(detail=False, methods=["post"], url_path="batch-replay", pagination_class=None)
    @idempotent(in_transaction=False)
    def batch_replay(self, request: Request) -> Response:
        """Work settled or waiting events once more: some ids, or all that a filter selects.

        What is older than what was applied since ends ignored. Which events, and how many: as `batch-retry`.
        """
        result, dry_run = self._batch(BatchVerb.REPLAY, BatchReplaySerializer(data=request.data))
        return Response({**_counts(result, dry_run), "replayed": _done(result, dry_run), **_refused(result)})

    @extend_schema(
        request=BatchIgnoreSerializer,
        responses=IgnoreOutcomeSerializer,
        filters=False,
        examples=[
            OpenApiExample(
                "by ids",
                {"ids": ["6f9619ff-8b86-4d01-b42d-00c04fc964ff"], "reason": "A test booking."},
                request_only=True,
            ),
            OpenApiExample(
                "answer",
                {"selected": 12, "ignored": 11, "skipped": SKIPPED, "dry_run": False},
                response_only=True,
            ),
        ],
    )
    @action(detail=False, methods=["post"], url_path="batch-ignore", pagination_class=None)
    @idempotent(in_transaction=False)
    def batch_ignore(self, request: Request) -> Response:
        """Settle failed or waiting events without their effect: some ids, or all that a filter selects.

        Which events, and how many: as `batch-retry`.
        """
        result, dry_run = self._batch(BatchVerb.IGNORE, BatchIgnoreSerializer(data=request.data))
        return Response({**_counts(result, dry_run), "ignored": _done(result, dry_run)})

    def properties_in(self, answer: Response) -> Collection[UUID]:
        """Every property that the caller operates: the batch looked at the events of all of them."""
        return list(self.access.properties(Role.OPERATOR).values_list("property_id", flat=True).distinct())

    def _batch(self, verb: BatchVerb, wanted: StrictSerializer) -> tuple[BatchResult, bool]:
        """Do it, or count; and which of the two."""
        wanted.is_valid(raise_exception=True)
        data = wanted.validated_data
        selection = self._by_ids(data["ids"]) if "ids" in data else self._by_filter(data["filter"])
        if selection is None:
            return BatchResult(), data["dry_run"]
        batch = EventBatch(verb, selection, data.get("reason", ""))
        return count_batch(batch) if data["dry_run"] else work_batch(batch, by=self.actor), data["dry_run"]

    def _by_ids(self, ids: Any) -> EventSelection:
        return EventSelection(ids=ids, within=self.access.properties(Role.OPERATOR))

    def _by_filter(self, wanted: dict[str, Any]) -> EventSelection | None:
        """None where nothing can be meant: a property that is not there, or that the caller does not operate."""
        within = self.access.properties(Role.OPERATOR)
        properties = channel_property_ids(wanted["property_id"], within) if "property_id" in wanted else []
        if "property_id" in wanted and not properties:
            return None
        return EventSelection(
            statuses=[EventStatus(wanted.get("status", EventStatus.FAILED))],
            event_type=wanted.get("type", ""),
            direction=wanted.get("direction", ""),
            external_id=wanted.get("booking", ""),
            channel_property_ids=properties,
            received_from=wanted.get("received_from"),
            received_to=wanted.get("received_to"),
            within=None if self.access.is_for_all(Role.OPERATOR) else within,
        )


def _counts(result: BatchResult, dry_run: bool) -> dict[str, Any]:
    skipped = [
        {"reason": reason.value, "count": count, "first": [str(one) for one in result.first_skipped[reason]]}
        for reason, count in result.skipped.items()
    ]
    return {"selected": result.changed if dry_run else result.selected, "skipped": skipped, "dry_run": dry_run}


def _done(result: BatchResult, dry_run: bool) -> int:
    return 0 if dry_run else result.changed


def _refused(result: BatchResult) -> dict[str, Any]:
    return {"refused": {str(event_id): why for event_id, why in result.refused.items()}}
