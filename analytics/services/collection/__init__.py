"""Collecting: sources are read when they are due; prices for an amount, chances and context."""
