"""Heavy libraries, loaded when something of them is first asked for: `from analytics.lazily import
np, pd`. The commands, the checks and the start of the web process read no figures, and these would
be two thirds of what they load."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import charset_normalizer
    import httpx
    import numpy as np
    import pandas as pd
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.csv as pa_csv
    import pyarrow.parquet as pq
    import tenacity
    import tsdownsample
    from cryptography import fernet

__all__ = [
    "charset_normalizer", "fernet", "httpx", "np", "pa", "pa_csv", "pc", "pd", "pq", "tenacity",
    "tsdownsample",
]  # fmt: skip


class _Later(ModuleType):
    """A module of that name, empty until it is asked for something."""

    def __getattr__(self, name: str) -> Any:
        value = getattr(importlib.import_module(self.__name__), name)
        # From now on an attribute like any other.
        setattr(self, name, value)
        return value


if not TYPE_CHECKING:
    charset_normalizer = _Later("charset_normalizer")
    fernet = _Later("cryptography.fernet")
    httpx = _Later("httpx")
    np = _Later("numpy")
    pa = _Later("pyarrow")
    pa_csv = _Later("pyarrow.csv")
    pc = _Later("pyarrow.compute")
    pd = _Later("pandas")
    pq = _Later("pyarrow.parquet")
    tenacity = _Later("tenacity")
    tsdownsample = _Later("tsdownsample")
