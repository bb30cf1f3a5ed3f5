"""`make live-demo`: live markets from end to end, on marketplaces that play (docs/operations.md)."""
