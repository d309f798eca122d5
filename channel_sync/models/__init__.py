"""The tables, one file each."""

from channel_sync.models.account import ChannelAccount
from channel_sync.models.alert import Alert, AlertKind
from channel_sync.models.api_call import ApiCall
from channel_sync.models.audit import AuditAction, AuditEntry
from channel_sync.models.change import CapturedChange
from channel_sync.models.claim import ChannelClaim
from channel_sync.models.conflict import RESTRICTIONS_SUBJECT, Conflict, ConflictKind, ConflictStatus, Severity
from channel_sync.models.connection import ChannelConnection, WebhookVerification
from channel_sync.models.event import (
    OPEN_STATUSES,
    PMS_SOURCE,
    UNAPPLIED_STATUSES,
    WAITING_STATUSES,
    ChannelEvent,
    Direction,
    EntityType,
    EventStatus,
    EventType,
)
from channel_sync.models.heartbeat import Heartbeat, ProcessKind
from channel_sync.models.hold import HoldStatus, InventoryHold
from channel_sync.models.mapping import ChannelMapping, MappingType
from channel_sync.models.notification import (
    ALERT_KINDS,
    CONFLICT_KINDS,
    EVENT_KINDS,
    PROPERTY_KINDS,
    Notification,
    NotificationKind,
)
from channel_sync.models.parity import LeftAlone, OldBookings, ParityCheck, ParityReason, ParityStatus
from channel_sync.models.property import ChannelProperty, ChannelPropertyStatus
from channel_sync.models.property_role import PropertyRole, Role
from channel_sync.models.pushed_rate import PushedRate
from channel_sync.models.rate_limit import RateLimitBucket
from channel_sync.models.reconciliation_run import KeptLower, ReconciliationKind, ReconciliationRun, RunStatus
from channel_sync.models.rejected_webhooks import RejectedWebhooks
from channel_sync.models.reservation_link import ReservationLink
from channel_sync.models.shown_night import ShownHow, ShownNight
from channel_sync.models.staged_booking import StagedBooking
from channel_sync.models.stored_answer import StoredAnswer
from channel_sync.models.subscription import SwitchedOff, WebhookDelivery, WebhookSubscription

__all__ = [
    "ALERT_KINDS",
    "CONFLICT_KINDS",
    "EVENT_KINDS",
    "OPEN_STATUSES",
    "PMS_SOURCE",
    "PROPERTY_KINDS",
    "RESTRICTIONS_SUBJECT",
    "UNAPPLIED_STATUSES",
    "WAITING_STATUSES",
    "Alert",
    "AlertKind",
    "ApiCall",
    "AuditAction",
    "AuditEntry",
    "CapturedChange",
    "ChannelAccount",
    "ChannelClaim",
    "ChannelConnection",
    "ChannelEvent",
    "ChannelMapping",
    "ChannelProperty",
    "ChannelPropertyStatus",
    "Conflict",
    "ConflictKind",
    "ConflictStatus",
    "Direction",
    "EntityType",
    "EventStatus",
    "EventType",
    "Heartbeat",
    "HoldStatus",
    "InventoryHold",
    "KeptLower",
    "LeftAlone",
    "MappingType",
    "Notification",
    "NotificationKind",
    "OldBookings",
    "ParityCheck",
    "ParityReason",
    "ParityStatus",
    "ProcessKind",
    "PropertyRole",
    "PushedRate",
    "RateLimitBucket",
    "ReconciliationKind",
    "ReconciliationRun",
    "RejectedWebhooks",
    "ReservationLink",
    "Role",
    "RunStatus",
    "Severity",
    "ShownHow",
    "ShownNight",
    "StagedBooking",
    "StoredAnswer",
    "SwitchedOff",
    "WebhookDelivery",
    "WebhookSubscription",
    "WebhookVerification",
]
