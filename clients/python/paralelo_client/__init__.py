"""A typed client of a Paralelo server."""

from paralelo_client.client import Client
from paralelo_client.errors import ParaleloError, RunFailed
from paralelo_client.frames import to_frame
from paralelo_client.runs import Run

__all__ = ["Client", "ParaleloError", "Run", "RunFailed", "to_frame"]
