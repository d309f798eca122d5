"""Who may use what: every operation of the APIs and every page of the admin, and the right that each asks for.

`docs/rights.md` is printed from it by `scripts/rights_table.py`; `test_who_sees_what.py` tries all of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Needs(StrEnum):
    """The least right that is enough, for the property that the row is of."""

    NOTHING = "nothing"
    LOGIN = "a login"
    STAFF = "a staff login"
    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMINISTRATOR = "administrator"
    ALL = "administrator of all"
    DESK = "permission of the PMS"
    DJANGO = "permission of Django"
    NEVER = "nobody may"


class Caller(StrEnum):
    """Who asks; all but the last are of hotel A, or of no hotel."""

    NOBODY = "nobody"
    NO_ROLE = "login without a right"
    VIEWER = "viewer of A"
    OPERATOR = "operator of A"
    ADMINISTRATOR = "administrator of A"
    DESK = "front desk of A"
    ALL = "administrator of all"


ALLOWED: Mapping[Needs, frozenset[Caller]] = {
    Needs.NOTHING: frozenset(Caller),
    Needs.LOGIN: frozenset(Caller) - {Caller.NOBODY},
    Needs.STAFF: frozenset(Caller) - {Caller.NOBODY},
    Needs.VIEWER: frozenset({Caller.VIEWER, Caller.OPERATOR, Caller.ADMINISTRATOR, Caller.ALL}),
    Needs.OPERATOR: frozenset({Caller.OPERATOR, Caller.ADMINISTRATOR, Caller.ALL}),
    Needs.ADMINISTRATOR: frozenset({Caller.ADMINISTRATOR, Caller.ALL}),
    Needs.ALL: frozenset({Caller.ALL}),
    Needs.DESK: frozenset({Caller.DESK}),
    Needs.DJANGO: frozenset(),
    Needs.NEVER: frozenset(),
}

V, O, A = Needs.VIEWER, Needs.OPERATOR, Needs.ADMINISTRATOR  # noqa: E741 - a table reads better in short

CHANNEL_SYNC_API: Mapping[tuple[str, str], Needs] = {
    ("get", "/api/admin/alerts/"): V,
    ("get", "/api/admin/alerts/{id}/"): V,
    ("get", "/api/admin/audit/"): V,
    ("get", "/api/admin/bookings/"): V,
    ("get", "/api/admin/bookings/{id}/"): V,
    ("get", "/api/admin/bookings/{id}/reports/"): V,
    ("post", "/api/admin/bookings/{id}/reports/"): O,
    ("get", "/api/admin/channel-mappings/"): V,
    ("post", "/api/admin/channel-mappings/"): A,
    ("get", "/api/admin/channel-mappings/{id}/"): V,
    ("put", "/api/admin/channel-mappings/{id}/"): A,
    ("delete", "/api/admin/channel-mappings/{id}/"): A,
    ("post", "/api/admin/channel-mappings/test/"): O,
    ("get", "/api/admin/channel-status/{property_id}/"): V,
    ("get", "/api/admin/conflicts/"): V,
    ("get", "/api/admin/conflicts/{id}/"): V,
    ("post", "/api/admin/conflicts/{id}/resolve/"): O,
    ("get", "/api/admin/events/"): V,
    ("get", "/api/admin/events/{id}/"): V,
    ("post", "/api/admin/events/{id}/ignore/"): O,
    ("post", "/api/admin/events/{id}/replay/"): O,
    ("post", "/api/admin/events/{id}/retry/"): O,
    ("get", "/api/admin/events/{id}/timeline/"): V,
    ("post", "/api/admin/events/batch-ignore/"): O,
    ("post", "/api/admin/events/batch-replay/"): O,
    ("post", "/api/admin/events/batch-retry/"): O,
    ("post", "/api/admin/guest-data/search/"): A,
    ("post", "/api/admin/guest-data/export/"): A,
    ("post", "/api/admin/guest-data/erase/"): A,
    ("get", "/api/admin/me/"): Needs.LOGIN,
    ("get", "/api/admin/metrics/"): V,
    ("get", "/api/admin/properties/"): V,
    ("get", "/api/admin/properties/{id}/"): V,
    ("post", "/api/admin/properties/{id}/pause/"): A,
    ("get", "/api/admin/properties/{id}/availability/"): V,
    ("get", "/api/admin/properties/{id}/not-in-pms/"): V,
    ("get", "/api/admin/properties/{id}/parity/"): V,
    ("post", "/api/admin/properties/{id}/parity/"): O,
    ("post", "/api/admin/properties/{id}/parity/accept/"): A,
    ("post", "/api/admin/properties/{id}/resume/"): A,
    ("post", "/api/admin/properties/{id}/first-synchronisation/"): O,
    ("get", "/api/admin/properties/{id}/suggestions/"): O,
    ("post", "/api/admin/properties/{id}/suggestions/"): A,
    ("post", "/api/admin/properties/{id}/test-connection/"): O,
    ("post", "/api/admin/properties/{id}/webhook/"): A,
    ("post", "/api/admin/properties/connect/"): A,
    ("get", "/api/admin/reconciliation-runs/"): V,
    ("post", "/api/admin/reconciliation-runs/"): O,
    ("get", "/api/admin/reconciliation-runs/{id}/"): V,
    ("get", "/api/admin/feed/"): V,
    ("get", "/api/admin/feed/stream/"): V,
    ("get", "/api/admin/webhook-subscriptions/"): A,
    ("post", "/api/admin/webhook-subscriptions/"): A,
    ("get", "/api/admin/webhook-subscriptions/{id}/"): A,
    ("patch", "/api/admin/webhook-subscriptions/{id}/"): A,
    ("delete", "/api/admin/webhook-subscriptions/{id}/"): A,
    ("get", "/api/admin/webhook-subscriptions/{id}/deliveries/"): A,
    ("post", "/api/admin/webhook-subscriptions/{id}/deliveries/{delivery_id}/redeliver/"): A,
    ("post", "/api/admin/webhook-subscriptions/{id}/rotate-secret/"): A,
    ("post", "/api/admin/webhook-subscriptions/{id}/test/"): A,
}

PMS_API: Mapping[tuple[str, str], Needs] = {
    (method, f"/api/{path}"): Needs.DESK
    for path, methods in {
        "hotels/": "get",
        "hotels/{id}/": "get",
        "maintenance-blocks/": "get post",
        "maintenance-blocks/{id}/": "get put patch delete",
        "rate-plans/": "get",
        "rate-plans/{id}/": "get",
        "rates/": "get post",
        "rates/{id}/": "get",
        "reservations/": "get post",
        "reservations/{id}/": "get put patch",
        "reservations/{id}/book-again/": "post",
        "reservations/{id}/cancel/": "post",
        "reservations/{id}/check-in/": "post",
        "reservations/{id}/check-out/": "post",
        "reservations/{id}/no-show/": "post",
        "reservations/group/": "post",
        "room-types/": "get",
        "room-types/{id}/": "get",
        "room-types/{id}/not-in-pms/": "get",
        "room-types/{id}/availability/": "get",
        "rooms/": "get",
        "rooms/{id}/": "get",
    }.items()
    for method in methods.split()
}

LOGIN_API: Mapping[tuple[str, str], Needs] = {
    ("post", "/api/auth/login/"): Needs.NOTHING,
    ("post", "/api/auth/logout/"): Needs.LOGIN,
    ("post", "/api/auth/logout-all/"): Needs.LOGIN,
}

API = {**CHANNEL_SYNC_API, **PMS_API, **LOGIN_API}

# What is no operation of the APIs, and no page of the admin; webhooks prove themselves by their secret.
BESIDE: Mapping[str, Needs] = {
    "api-root": Needs.LOGIN,
    "schema": Needs.LOGIN,
    "docs": Needs.LOGIN,
    "channel_sync_webhooks:webhook": Needs.NOTHING,
    "channel_sync_monitoring:health": Needs.NOTHING,
    "channel_sync_monitoring:live": Needs.NOTHING,
    "channel_sync_monitoring:ready": Needs.NOTHING,
    "channel_sync_monitoring:metrics": Needs.NOTHING,
}

READ_ONLY = {"changelist": V, "change": V, "history": V, "add": Needs.NEVER, "delete": Needs.NEVER}
OWN = ("channelevent", "conflict", "reconciliationrun", "channelproperty", "alert", "auditentry", "reservationlink")
DESK = ("hotelsettings", "hotelmembership", "roomtype", "rateplan", "dailyrate", "guest", "reservation",
        "maintenanceblock")  # fmt: skip
NOT_AT_THE_DESK = {
    "pms_hotelsettings_add", "pms_hotelmembership_add", "pms_hotelmembership_delete", "pms_reservation_add",
    "pms_reservation_delete",
}  # fmt: skip
DJANGOS = (
    "auth_group", "auth_user", "axes_accessattempt", "axes_accessfailurelog", "axes_accesslog",
    "knox_authtoken", "django_celery_beat_periodictask", "django_celery_beat_clockedschedule",
    "django_celery_beat_crontabschedule", "django_celery_beat_solarschedule", "django_celery_beat_intervalschedule",
)  # fmt: skip

ADMIN_PAGES: Mapping[str, Needs] = {
    "index": Needs.STAFF,
    "login": Needs.NOTHING,
    "logout": Needs.STAFF,
    "password_change": Needs.STAFF,
    "password_change_done": Needs.STAFF,
    "jsi18n": Needs.STAFF,
    "app_list": Needs.STAFF,
    "autocomplete": V,
    "view_on_site": Needs.NEVER,
    "auth_user_password_change": Needs.DJANGO,
    **{f"{name}_{page}": Needs.DJANGO for name in DJANGOS for page in READ_ONLY},
    **{f"channel_sync_{name}_{page}": needs for name in OWN for page, needs in READ_ONLY.items()},
    **{f"channel_sync_channelmapping_{page}": needs for page, needs in READ_ONLY.items()},
    "channel_sync_channelmapping_add": A,
    **{f"channel_sync_webhooksubscription_{page}": A for page in READ_ONLY},
    **{f"channel_sync_webhookdelivery_{page}": A for page in READ_ONLY},
    "channel_sync_webhookdelivery_add": Needs.NEVER,
    "channel_sync_webhookdelivery_delete": Needs.NEVER,
    "channel_sync_mapping_test": O,
    "channel_sync_mapping_suggestions": A,
    "channel_sync_dashboard": V,
    "channel_sync_connect": A,
    "channel_sync_guest": A,
    "channel_sync_parity": V,
    **{f"channel_sync_propertyrole_{page}": Needs.ALL for page in READ_ONLY},
    **{
        f"pms_{name}_{page}": Needs.NEVER if f"pms_{name}_{page}" in NOT_AT_THE_DESK else Needs.DESK
        for name in DESK
        for page in READ_ONLY
    },
}

# Buttons of the pages, and actions of the lists: by page, what is posted there.
ADMIN_ACTIONS: Mapping[tuple[str, str], Needs] = {
    ("channel_sync_channelevent_change", "retry, replay, ignore"): O,
    ("channel_sync_channelevent_changelist", "retry, replay, ignore the selected"): O,
    ("channel_sync_conflict_change", "resolve"): O,
    ("channel_sync_reservationlink_change", "report to the OTA"): O,
    ("channel_sync_channelmapping_change", "change"): A,
    ("channel_sync_channelmapping_changelist", "remove the selected"): A,
    ("channel_sync_channelproperty_change", "try the connection, compare, first synchronisation"): O,
    ("channel_sync_channelproperty_change", "pause, resume, close rooms, webhook"): A,
    ("channel_sync_webhooksubscription_changelist", "send a test, give a new secret"): A,
    ("channel_sync_webhookdelivery_changelist", "send once more"): A,
    ("channel_sync_guest", "look for a guest, export, erase"): A,
    ("channel_sync_parity", "compare again"): O,
    ("channel_sync_parity", "go live"): A,
}
