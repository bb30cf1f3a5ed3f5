"""A version to take along: its artifact as one file."""

from __future__ import annotations

from typing import IO

from django.utils.translation import gettext as _

from analytics import artifacts
from analytics.exceptions import NotFound
from analytics.models import TrainedModel

CARD = "MODEL_CARD.md"


def model_pack(*, model: TrainedModel, card: str) -> tuple[str, IO[bytes]]:
    """(file name, zip of the manifest, the weights and the card in Markdown). Raises NotFound
    (no_artifact)."""
    try:
        packed = artifacts.pack(model.artifact, {CARD: card})
    except (OSError, ValueError) as error:
        text = _("The artifact of version %(id)s is not there any more.") % {"id": model.pk}
        raise NotFound(text, "no_artifact") from error
    return f"{model.artifact}.zip", packed
