"""`make live-demo`: live markets end to end, on marketplaces that play (docs/operations.md)."""
