"""All settings; the only reader of the environment (.env.example). Our own sit in one dict,
ANALYTICS. With no environment this is a development server on the loopback interface."""

from __future__ import annotations

import os
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from p2p.caches import CACHES  # noqa: F401
from p2p.databases import database_settings
from p2p.logs import logging_settings
from p2p.queues import cluster_settings
from p2p.storages import storage_settings

BASE_DIR = Path(__file__).resolve().parent.parent


def _flag(name: str, default: bool) -> bool:
    text = os.environ.get(name, "").strip().lower()
    if text in ("1", "true", "yes", "on"):
        return True
    if text in ("0", "false", "no", "off"):
        return False
    if text:
        raise ImproperlyConfigured(f"{name} must be 1 or 0, not {text!r}.")
    return default


def _number(name: str, default: int, low: int, high: int) -> int:
    text = os.environ.get(name, "").strip() or str(default)
    if not (text.isascii() and text.isdigit()) or not low <= int(text) <= high:
        raise ImproperlyConfigured(f"{name} must be a number from {low} to {high}, not {text!r}.")
    return int(text)


def _list(name: str) -> list[str]:
    return [part.strip() for part in os.environ.get(name, "").split(",") if part.strip()]


# ------------------------------------------------------------------------------------ where and who
HOME = Path(os.environ.get("PARALELO_HOME", "").strip() or BASE_DIR / "var").resolve()
try:
    (HOME / "static").mkdir(parents=True, exist_ok=True)
except OSError as error:
    raise ImproperlyConfigured(f"PARALELO_HOME cannot be written: {error}") from error
DEBUG = _flag("PARALELO_DEBUG", True)
DEFAULT_SECRET = "insecure-development-key-do-not-use-outside-debug"  # noqa: S105
SECRET_KEY = os.environ.get("PARALELO_SECRET_KEY", "").strip() or DEFAULT_SECRET
LOOPBACK_HOSTS = ["127.0.0.1", "localhost", "[::1]"]
ALLOWED_HOSTS = _list("PARALELO_ALLOWED_HOSTS") or (LOOPBACK_HOSTS if DEBUG else [])
CSRF_TRUSTED_ORIGINS = _list("PARALELO_TRUSTED_ORIGINS")
if not DEBUG:
    if len(SECRET_KEY) < 32 or SECRET_KEY == DEFAULT_SECRET:
        raise ImproperlyConfigured(
            "With PARALELO_DEBUG=0, PARALELO_SECRET_KEY must be set: 32 random characters or more."
        )
    if not ALLOWED_HOSTS:
        raise ImproperlyConfigured(
            "With PARALELO_DEBUG=0, PARALELO_ALLOWED_HOSTS must name this server's host names."
        )

# ------------------------------------------------------------------------------------------- Django
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.forms",
    "rest_framework",
    "rest_framework.authtoken",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_q",
    "django_htmx",
    "analytics",
]
MIDDLEWARE = [
    "p2p.logs.RequestIds",
    "p2p.metrics.RequestTimes",
    "django.middleware.security.SecurityMiddleware",
    "p2p.middleware.LoopbackInDebug",
    "p2p.middleware.ContentSecurityPolicy",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "analytics.middleware.ReaderPreferences",
    "p2p.error_pages.OwnErrorPages",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "p2p.urls"
WSGI_APPLICATION, ASGI_APPLICATION = "p2p.wsgi.application", "p2p.asgi.application"
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"  # our templates/admin/widgets/ first
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
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
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "p2p.accounts.PlainStaff",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
DATA_UPLOAD_MAX_MEMORY_SIZE = 4 * 1024 * 1024  # a posted sequence: 20,000 rows of ten numbers

# ----------------------------------------------------------------------------------------- database
DATABASE_URL = (
    os.environ.get("DATABASE_URL", "").strip() or f"sqlite:///{HOME / 'paralelo.sqlite3'}"
)
DATABASES = {
    "default": database_settings(DATABASE_URL, pooled=_flag("PARALELO_DATABASE_POOLED", False))
}

# ----------------------------------------------------------------------------------- time and words
TIME_ZONE, LANGUAGE_CODE = "UTC", "en"
LANGUAGES = [("en", "English"), ("es", "Español")]
LOCALE_PATHS, FORMAT_MODULE_PATH = [BASE_DIR / "locale"], ["p2p.formats"]

# -------------------------------------------------------- static files, artifacts for all hosts
STORAGES = storage_settings(os.environ.get("PARALELO_ARTIFACT_STORAGE", "").strip())
STATIC_URL = "/static/"
STATIC_ROOT = HOME / "static"
# Browser libraries are packages (package.json), served like our own files.
STATICFILES_DIRS = [BASE_DIR / "static", ("uplot", BASE_DIR / "node_modules" / "uplot" / "dist")]
WHITENOISE_USE_FINDERS = DEBUG
WHITENOISE_AUTOREFRESH = False

# ----------------------------------------------------------------------------------------- security
X_FRAME_OPTIONS, CSRF_FAILURE_VIEW = "DENY", "p2p.error_pages.form_refused"
SESSION_COOKIE_SAMESITE = "Lax"
if not DEBUG:
    # TLS ends here or at a proxy; without it (a private network), say so once in the environment.
    _TLS = _flag("PARALELO_TLS", True)
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = _TLS
    SECURE_REDIRECT_EXEMPT = [r"^(readyz|healthz|metrics)$"]  # probes come from inside
    SECURE_HSTS_SECONDS = 3600 if _TLS else 0
    if _flag("PARALELO_BEHIND_PROXY", False):
        SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# ---------------------------------------------------------------------------------------------- API
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "rest_framework.authentication.SessionAuthentication",
        "analytics.api.authentication.TokenAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["analytics.api.permissions.AnalyticsPermission"],
    "DEFAULT_RENDERER_CLASSES": [
        "analytics.api.renderers.FiniteJSONRenderer",
        *(["analytics.api.renderers.BrowsingRenderer"] if DEBUG else []),
    ],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "analytics.api.renderers.Negotiation",
    "DEFAULT_PARSER_CLASSES": ["analytics.api.parsers.StrictJSONParser"],
    "DEFAULT_FILTER_BACKENDS": [
        "django_filters.rest_framework.DjangoFilterBackend",
        "rest_framework.filters.OrderingFilter",
    ],
    "DEFAULT_PAGINATION_CLASS": "analytics.api.pagination.Pages",
    "PAGE_SIZE": 100,
    "EXCEPTION_HANDLER": "analytics.api.errors.exception_handler",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    # A client's own X-Forwarded-For must not get around the throttle of tokens.
    "NUM_PROXIES": 1 if _flag("PARALELO_BEHIND_PROXY", False) else 0,
    "COERCE_DECIMAL_TO_STRING": False,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Paralelo",
    "OAS_VERSION": "3.1.0",
    "VERSION": "1.0.0",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "analytics.api.schema.described",
    ],
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    # Its deep links are links within buttons, which no screen reader can use.
    "SWAGGER_UI_SETTINGS": {"deepLinking": False},
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SERVE_PERMISSIONS": ["analytics.api.permissions.AnalyticsPermission"],
    "SCHEMA_PATH_PREFIX": "/api/v1/analytics",
    # Names of enums, so that adding a field elsewhere does not rename them in clients.
    "ENUM_NAME_OVERRIDES": {
        "TaskEnum": "analytics.models.choices.Task",
        "BacktestTaskEnum": "analytics.models.backtest.BacktestRun.Task",
        "SourceEnum": "analytics.models.choices.Source",
        "FeedbackEnum": "analytics.models.anomaly.AnomalyEvent.Feedback",
        "RunStatusEnum": "analytics.models.training.TrainingRun.Status",
        "ModelStatusEnum": "analytics.models.training.TrainedModel.Status",
    },
}

# -------------------------------------------------------------------------------------------- queue
_TIMEOUT = _number("PARALELO_TRAIN_TIMEOUT", 3 * 3600, 60, 7 * 86400)
_WORKERS = _number("PARALELO_WORKERS", min(os.cpu_count() or 1, 2), 1, 64)
_BROKER = os.environ.get("PARALELO_BROKER", "").strip()
Q_CLUSTER = cluster_settings(timeout=_TIMEOUT, workers=_WORKERS, broker=_BROKER)

# ----------------------------------------------------------------------------------------- our own
ANALYTICS = {
    "HOME": HOME,
    "DEVICE": os.environ.get("PARALELO_DEVICE", "").strip(),
    "SERVE_DEVICE": os.environ.get("PARALELO_SERVE_DEVICE", "").strip() or "cpu",
    "TRAIN_THREADS": _number("PARALELO_TRAIN_THREADS", 1, 1, 256),
    "TRAIN_TIMEOUT": _TIMEOUT,
    "MAX_UPLOAD_MB": _number("PARALELO_MAX_UPLOAD_MB", 64, 1, 100_000),
    "ADMIN_PASSWORD": os.environ.get("PARALELO_ADMIN_PASSWORD", ""),
    "IDENTITY_KEY": os.environ.get("PARALELO_IDENTITY_KEY", "").strip(),
    "SECRETS_KEY": os.environ.get("PARALELO_SECRETS_KEY", "").strip(),
    "PUBLIC_URL": os.environ.get("PARALELO_PUBLIC_URL", "").strip().rstrip("/"),
    "ALLOW_PRIVATE_ADDRESSES": _flag("PARALELO_ALLOW_PRIVATE_ADDRESSES", False),
}

LOGGING = logging_settings(
    level=os.environ.get("PARALELO_LOG_LEVEL", "INFO"),
    style=os.environ.get("PARALELO_LOG_FORMAT", "").strip() or "line",
    run=os.environ.get("PARALELO_RUN", ""),  # the worker says so to the process of a run
)
