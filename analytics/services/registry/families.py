"""What can be trained."""

from __future__ import annotations

from typing import Any

import ml


def family_list() -> list[dict[str, Any]]:
    """Every family that can be trained, with its parameters and their ranges."""
    return [
        {
            "name": spec.name,
            "task": str(spec.task),
            "title": spec.title,
            "baseline": spec.of_task.baseline,
            "primary_metric": spec.of_task.primary,
            "higher_is_better": spec.of_task.higher_is_better,
            "parameters": ml.describe_config(spec.config),
        }
        for spec in ml.list_specs()
    ]
