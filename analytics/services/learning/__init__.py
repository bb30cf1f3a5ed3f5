"""Versions after their training: judged, and trained anew when they should be."""
