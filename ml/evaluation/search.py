"""What a tuning may try of a family: parameters and their values.

Each parameter says where it is declared how far a tuning looks by itself (`tries` of `param`); a
person may name other values: `0.001..0.01`, `16,32,64`, or one that is kept.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ml.errors import BadConfig
from ml.spec import ModelSpec, make_config

#: A range whose ends are so many times apart is looked at on a log scale.
_LOG_FROM = 8.0


@dataclass(frozen=True, kw_only=True)
class Search:
    """Either `low`..`high` (both ends included, whole multiples of `step` where it is no float, on
    a log scale if `log`) or the `choices`; one choice is a value that is kept."""

    name: str
    low: float = 0.0
    high: float = 0.0
    step: int | None = None
    log: bool = False
    choices: tuple[Any, ...] = ()

    @property
    def is_kept(self) -> bool:
        """Whether there is nothing to try."""
        return len(self.choices) == 1


def default_searches(spec: ModelSpec) -> list[Search]:
    """What a tuning of the family tries where nobody says."""
    fields = dataclasses.fields(spec.config)
    return [
        _range(spec, field.name, *field.metadata["tries"])
        for field in fields
        if field.metadata["tries"]
    ]


def parse_search(spec: ModelSpec, name: str, text: str) -> Search:
    """`LOW..HIGH`, `a,b,c` or one value of a parameter. Raises BadConfig naming the parameter."""
    low, dots, high = text.partition("..")
    if not dots:
        values = [part.strip() for part in text.split(",")]
        return Search(name=name, choices=tuple(dict.fromkeys(_checked(spec, name, values))))
    ends = _checked(spec, name, [low.strip(), high.strip()])
    numbers = all(isinstance(end, int | float) and not isinstance(end, bool) for end in ends)
    if not numbers or ends[0] >= ends[1]:
        raise BadConfig(
            "Some training parameters cannot be used.",
            {name: f"must be LOW..HIGH, the lower end first, not {text!r}"},
        )
    return _range(spec, name, *ends)


def _checked(spec: ModelSpec, name: str, values: Iterable[str]) -> list[Any]:
    return [getattr(make_config(spec.config, {name: value}), name) for value in values]


def _range(spec: ModelSpec, name: str, low: float, high: float) -> Search:
    field = next(one for one in dataclasses.fields(spec.config) if one.name == name)
    step = field.metadata.get("multiple") or 1
    return Search(
        name=name,
        low=low,
        high=high,
        step=None if str(field.type) == "float" else step,
        # A step other than one and a log scale do not go together.
        log=low > 0 and high / low >= _LOG_FROM and step == 1,
    )
