"""How quotes are best kept on PostgreSQL, by size: see `python -m bench.size --help`."""
