"""What `ml` refuses, in the product's own tree and in the language that is active."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import ml
from analytics.exceptions import AnalyticsError, InvalidInput, Unavailable
from analytics.retelling import retold

_UNAVAILABLE = ("artifact_broken", "device_unavailable")


def from_ml(error: ml.MLError) -> AnalyticsError:
    """The AnalyticsError that says the same, with the same code, for the same fields."""
    details = {}
    if isinstance(error, ml.NotEnoughData):
        details = {"needed": error.needed, "present": error.present}
    kind = Unavailable if error.code in _UNAVAILABLE else InvalidInput
    fields = {name: retold(said) for name, said in error.fields.items()}
    return kind(retold(error.message), error.code, fields, **details)


@contextmanager
def ml_errors() -> Iterator[None]:
    """What `ml` refuses in this block is raised as an error of this application."""
    try:
        yield
    except ml.MLError as error:
        raise from_ml(error) from error
