"""Quotes: read from files, checked, stored, audited, looked back on."""
