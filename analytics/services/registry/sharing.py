"""Versions that were made before there was a storage for all hosts."""

from __future__ import annotations

from analytics import artifacts
from analytics.models import TrainedModel


def artifacts_share() -> tuple[list[str], int]:
    """Put into the storage what rows name, this host has and it lacks; answers their names, and how
    many versions were looked at. Safe to repeat, on every host. Raises StorageAway."""
    names = list(TrainedModel.objects.order_by("pk").values_list("artifact", flat=True))
    return [name for name in names if artifacts.share(name)], len(names)
