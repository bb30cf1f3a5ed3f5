"""Kinds of channels, one file each; each registers itself."""
