"""One file per marketplace. Each registers itself; `analytics.venues.registry` finds them all."""
