"""What goes out: JSON that every parser reads."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from rest_framework.renderers import JSONRenderer


class FiniteJSONRenderer(JSONRenderer):
    """NaN and infinity become null: strict JSON knows neither, and DRF would answer 500."""

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        try:
            return super().render(data, accepted_media_type, renderer_context)
        except ValueError:
            # Rare, so only then is the whole answer walked.
            return super().render(finite(data), accepted_media_type, renderer_context)


def finite(value: Any) -> Any:
    """The same data with null where a float is not finite."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: finite(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(inner) for inner in value]
    if hasattr(value, "tolist"):
        return finite(value.tolist())
    return value
