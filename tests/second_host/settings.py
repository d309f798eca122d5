"""The least that a host has to set."""

import environ

env = environ.Env()
DEBUG = True
SECRET_KEY = "second-host"
SALT_KEY = ["second-host"]
ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.postgres",
    "django_celery_beat",
    "tests.second_host.lodge",
    "channel_sync",
]
ROOT_URLCONF = "tests.second_host.urls"
DATABASES = {"default": env.db_url("DATABASE_URL")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
CELERY_BROKER_URL = env.str("RABBITMQ_URL")
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"

CHANNEL_SYNC_PROPERTY_MODEL = "lodge.Hotel"
CHANNEL_SYNC_ROOM_TYPE_MODEL = "lodge.RoomKind"
CHANNEL_SYNC_RESERVATION_MODEL = "lodge.Stay"
CHANNEL_SYNC = {
    "pms": "tests.second_host.lodge.port.Lodge",
    "channel_options": {"beds24": {"base_url": env.str("BEDS24_BASE_URL")}},
    "queue_prefix": env.str("QUEUE_PREFIX"),
    **env.json("CHANNEL_SYNC_OPTIONS"),
}
