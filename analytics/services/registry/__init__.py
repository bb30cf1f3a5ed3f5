"""Versions of models: compared, promoted, served, described, purged."""
