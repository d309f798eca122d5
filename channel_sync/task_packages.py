"""Where Celery finds our tasks; without Django, so that a Celery app can name it before the settings are there."""

TASK_PACKAGES = [
    f"channel_sync.{package}"
    for package in (
        "broker",
        "inventory",
        "inbound",
        "outbound",
        "reconciliation",
        "parity",
        "retention",
        "subscriptions",
    )
]
