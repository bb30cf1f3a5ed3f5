"""Admin face."""
