"""The table of the cache that all processes share (settings.CACHES["shared"])."""

from django.core.management import call_command
from django.db import migrations

TABLE = "paralelo_cache"


def make(apps, schema_editor):
    # Idempotent: a table that is there is left.
    call_command(
        "createcachetable", TABLE, database=schema_editor.connection.alias, verbosity=0
    )


def drop(apps, schema_editor):
    schema_editor.execute(f"DROP TABLE IF EXISTS {schema_editor.quote_name(TABLE)}")


class Migration(migrations.Migration):
    dependencies = [("analytics", "0023_groups")]

    operations = [migrations.RunPython(make, drop)]
