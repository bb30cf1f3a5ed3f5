"""Kinds of rules, one file each; each registers itself."""
