"""Typed, defaulted view of settings.ANALYTICS. Every entry carries its own help text."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings


def entry(default: Any, help: str) -> Any:
    return field(default=default, metadata={"help": help})


@dataclass(frozen=True, kw_only=True)
class AnalyticsConf:
    HOME: Path = entry(Path("var"), "Folder of the database, the artifacts and the logs.")
    DEVICE: str = entry("", "Device to train on: cpu, cuda, ...; empty finds the best by itself.")
    SERVE_DEVICE: str = entry("cpu", "Device that answers predictions.")
    TRAIN_THREADS: int = entry(1, "Threads of one training process.")
    TRAIN_TIMEOUT: int = entry(3 * 3600, "Seconds after which a training is given up.")
    MAX_ATTEMPTS: int = entry(2, "How often a run may be started before it is refused.")
    HEARTBEAT_SECONDS: int = entry(15, "How often a running training and the worker report.")
    REAP_AFTER: int = entry(300, "Seconds without a heartbeat after which a run counts as dead.")
    WEDGED_AFTER: int = entry(
        300, "Seconds without an answer after which a cluster of the worker is restarted."
    )
    MAX_SEQUENCE_ROWS: int = entry(20_000, "Most rows of a posted sequence.")
    MAX_BULK_ROWS: int = entry(10_000, "Most quotes of one bulk upload.")
    MAX_UPLOAD_MB: int = entry(64, "Largest file, in MB, that the import page takes.")
    HISTORY_DAYS: int = entry(95, "Days of history a prediction looks back on.")
    ADMIN_PASSWORD: str = entry(
        "", "Password of the admin account, set anew if it has another; empty makes one up."
    )
    KEEP_MODELS: int = entry(10, "Versions per market and task that purge_models keeps.")
    RETRAIN_AGE_DAYS: int = entry(14, "Days after which a version is trained anew.")
    RETRAIN_NEW_SHARE: float = entry(
        0.25, "New quotes, as a share of those learned from, after which it is trained anew."
    )
    RETRAIN_PAUSE_HOURS: int = entry(24, "Hours between two trainings of a market and task.")
    RETRAIN_QUIET_DAYS: int = entry(7, "Days without a quote after which nothing is trained.")
    RETRAIN_AT_ONCE: int = entry(1, "Open trainings beside which no retraining is queued.")
    EXPIRE_AGE_DAYS: int = entry(90, "Days after its training when a version expires; 0: never.")
    EXPIRE_DATA_DAYS: int = entry(
        60, "Days of quotes that a version does not know when it expires; 0: never."
    )
    KEEP_BACKUPS: int = entry(7, "Scheduled backups that are kept in HOME/backups.")
    IDENTITY_KEY: str = entry(
        "", "Key that hashes advertisers, 16 bytes or more; empty: derived from SECRET_KEY."
    )
    ALLOW_PRIVATE_ADDRESSES: bool = entry(
        False,
        "Whether venues and receivers of alerts may lie in the private network, with plain HTTP.",
    )
    SECRETS_KEY: str = entry(
        "", "Key that stored secrets are encrypted with; empty: derived from SECRET_KEY."
    )
    PUBLIC_URL: str = entry(
        "", "Address at which people reach this server, for links in messages; empty: no links."
    )
    PRICE_MAX_AGE: int = entry(600, "Seconds after which a book or quote is no offer any more.")

    @property
    def artifacts(self) -> Path:
        return Path(self.HOME) / "artifacts"

    @property
    def backtests(self) -> Path:
        return Path(self.HOME) / "backtests"

    @property
    def uploads(self) -> Path:
        return Path(self.HOME) / "uploads"

    @property
    def backups(self) -> Path:
        return Path(self.HOME) / "backups"

    @property
    def logs(self) -> Path:
        return Path(self.HOME) / "logs"


def conf() -> AnalyticsConf:
    """The settings as they stand now (tests override them); an unknown key raises TypeError."""
    return AnalyticsConf(**settings.ANALYTICS)


def describe() -> list[dict[str, Any]]:
    """Name, default and help of every entry, for the documents and their test."""
    return [
        {"name": f.name, "default": f.default, "help": f.metadata["help"]}
        for f in dataclasses.fields(AnalyticsConf)
    ]
