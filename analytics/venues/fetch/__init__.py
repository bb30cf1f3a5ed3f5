"""Asking other servers: guarded, bounded, paced, and honest about every failure."""
