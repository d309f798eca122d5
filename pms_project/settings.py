"""Settings of the host, every one of them from the environment; see README.md, "Each process by hand"."""

from datetime import timedelta
from pathlib import Path

import environ
from corsheaders.defaults import default_headers
from csp.constants import NONE, SELF

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
if env_file := env.str("PMS_ENV_FILE", default=""):
    env.read_env(env_file)

DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = env.str("SECRET_KEY", default="only-for-development" if DEBUG else environ.Env.NOTSET)
# Older ones, which still verify and decrypt while SECRET_KEY is rotated: docs/operations.md, "Keys".
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
# Secrets at rest are encrypted with a key made of SECRET_KEY and these; put a new one first to rotate.
SALT_KEY = env.list("SALT_KEY", default=["only-for-development"] if DEBUG else environ.Env.NOTSET)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
# Proxies before the web processes: their word on the client's address and on TLS is taken, and nobody else's.
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", default=0)

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "drf_standardized_errors",
    "django_celery_beat",
    "axes",
    "corsheaders",
    "csp",
    "knox",
    "pms_project.pms",
    "channel_sync",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    # The last one: it answers for who is locked out.
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "pms_project.urls"
WSGI_APPLICATION = "pms_project.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

DATABASES = {"default": env.db_url("DATABASE_URL", default="postgres://postgres@127.0.0.1:5432/pms")}
DATABASES["default"]["CONN_MAX_AGE"] = env.int("DATABASE_CONN_MAX_AGE", default=60)
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DATABASES["default"]["OPTIONS"] = {"connect_timeout": 5, **DATABASES["default"].get("OPTIONS", {})}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CACHES = {"default": env.cache_url("CACHE_URL", default="locmemcache://")}

AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "pms_project.pms.guarded_passwords.GuardedModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
    {"NAME": "pms_project.pms.password_change.EndsTokens"},
]
# Wrong passwords are counted in the database, by login and address together: a stranger locks nobody else out.
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_FAILURE_LIMIT = 10
# Wrong passwords of one address for all logins together, as many people may share one; in the same time.
LOGIN_FAILURES_OF_ADDRESS = env.int("LOGIN_FAILURES_OF_ADDRESS", default=100)
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_DISABLE_ACCESS_LOG = True
AXES_LOCKOUT_CALLABLE = "pms_project.pms.api.logins.locked_out"
AXES_VERBOSE = False

LANGUAGE_CODE = "en"
TIME_ZONE = env.str("TIME_ZONE", default="UTC")
USE_TZ = True
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
WHITENOISE_USE_FINDERS = True

REST_FRAMEWORK = {
    "EXCEPTION_HANDLER": "pms_project.pms.api.refusals.refused",
    "DEFAULT_PERMISSION_CLASSES": ["pms_project.pms.api.permissions.ModelPermissions"],
    "DEFAULT_AUTHENTICATION_CLASSES": [
        # The first one's challenge goes with every 401; that of Basic would open a browser's own login window.
        "pms_project.pms.api.logins.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
        "pms_project.pms.api.logins.CountedBasicAuthentication",
    ],
    "DEFAULT_PARSER_CLASSES": ["channel_sync.api.parsers.LimitedJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_THROTTLE_CLASSES": ["channel_sync.api.throttles.WriteThrottle"],
    # The address of the client is right where the application is asked: see TRUSTED_PROXIES.
    "NUM_PROXIES": 0,
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_PAGINATION_CLASS": "channel_sync.api.pagination.ListPagination",
    "DEFAULT_SCHEMA_CLASS": "pms_project.pms.api.schema.PmsAutoSchema",
}

# Tokens are stored as digests, and end by themselves; so many of one login hold at a time.
REST_KNOX = {"TOKEN_TTL": timedelta(hours=env.int("API_TOKEN_HOURS", default=12)), "TOKEN_LIMIT_PER_USER": 20}

# Pages of these origins may call the API, with a token in a header; cookies are not taken from them.
CORS_ALLOWED_ORIGINS = env.list("CORS_ALLOWED_ORIGINS", default=[])
CORS_URLS_REGEX = r"^/api/"
CORS_ALLOW_HEADERS = [*default_headers, "idempotency-key", "if-match", "if-none-match", "last-event-id"]
CORS_EXPOSE_HEADERS = ["ETag", "Idempotent-Replayed", "Location", "Retry-After", "X-Total-Is-Estimate"]

SPECTACULAR_SETTINGS = {
    "TITLE": "PMS and channel sync",
    "VERSION": "0.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    # The document and its page are for who has a login, unless it is published on purpose.
    "SERVE_PERMISSIONS": [
        "rest_framework.permissions."
        + ("AllowAny" if env.bool("API_SCHEMA_PUBLIC", default=False) else "IsAuthenticated")
    ],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "ENUM_NAME_OVERRIDES": {
        "EventStatus": "channel_sync.models.EventStatus",
        "ConflictStatus": "channel_sync.models.ConflictStatus",
        "RunStatus": "channel_sync.models.RunStatus",
        "PropertyStatus": "channel_sync.models.ChannelPropertyStatus",
        "ReservationStatus": "pms_project.pms.models.ReservationStatus",
        "ReconciliationKind": "channel_sync.models.ReconciliationKind",
        "ConflictKind": "channel_sync.models.ConflictKind",
        "AlertKind": "channel_sync.models.AlertKind",
        "BookingField": "channel_sync.merge.fields.Field",
        "BookingStatus": "channel_sync.channels.canonical.BookingStatus",
        "EventType": "channel_sync.models.EventType",
        "WebhookVerification": "channel_sync.models.WebhookVerification",
        "RefusalType": ["validation_error", "client_error", "server_error"],
    },
}

CELERY_BROKER_URL = env.str("RABBITMQ_URL", default="amqp://localhost:5672")
CELERY_BROKER_TRANSPORT_OPTIONS = env.json("BROKER_TRANSPORT_OPTIONS", default={})
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_TIMEZONE = "UTC"
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
# Workers keep their connections by CONN_MAX_AGE, as web processes do; Celery would open one for every task.
CELERY_DB_REUSE_MAX = 1_000_000

CHANNEL_SYNC_PROPERTY_MODEL = "pms.HotelSettings"
CHANNEL_SYNC_ROOM_TYPE_MODEL = "pms.RoomType"
CHANNEL_SYNC_RESERVATION_MODEL = "pms.Reservation"
CHANNEL_SYNC = {
    "pms": "pms_project.pms.channel_port.Pms",
    "channel_options": {
        "beds24": {
            "base_url": env.str("BEDS24_BASE_URL", default="https://beds24.com/api/v2"),
            "read_timeout": env.float("BEDS24_READ_TIMEOUT", default=30.0),
        }
    },
    "queue_prefix": env.str("QUEUE_PREFIX", default=""),
    "queue_type": env.str("QUEUE_TYPE", default="classic"),
    **env.json("CHANNEL_SYNC_OPTIONS", default={}),
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"correlation": {"()": "channel_sync.correlation.CorrelationFilter"}},
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s [%(correlation_id)s] %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["correlation"]}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="INFO")},
}

# Pages take scripts, styles and pictures from here only; what needs more says so at its address.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
    }
}
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_AGE = int(timedelta(hours=12).total_seconds())
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"

if not DEBUG:
    SECURE_CONTENT_TYPE_NOSNIFF = True
    SESSION_COOKIE_SECURE = env.bool("SECURE_COOKIES", default=True)
    CSRF_COOKIE_SECURE = SESSION_COOKIE_SECURE
    SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=True)
    # Load balancers and Prometheus ask without TLS, inside.
    SECURE_REDIRECT_EXEMPT = [r"^health/", r"^metrics$"]
    SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=31_536_000)
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
