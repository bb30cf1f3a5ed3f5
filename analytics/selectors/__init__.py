"""Reads. One file per aggregate; nothing here writes."""
