"""The database that is measured."""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from bench.speed.world import production


@contextmanager
def migrated(parser: argparse.ArgumentParser) -> Iterator[None]:
    """Django on the database that DATABASE_URL names, with its tables; the command ends with a line
    where that is none of PostgreSQL."""
    url = os.environ.get("DATABASE_URL", "")
    if not url.startswith("postgres"):
        parser.error("DATABASE_URL must name an empty PostgreSQL database")
    with tempfile.TemporaryDirectory(prefix="paralelo-size-") as home:
        production(home, database=url)
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        yield
