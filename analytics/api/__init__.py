"""The REST face: requests in, service calls, answers out. Nothing is decided here."""
