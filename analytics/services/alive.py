"""Whether a process of this machine is alive, and the very one that is meant."""

from __future__ import annotations

import os
import socket
from pathlib import Path


def process_stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat after the command's name; none where the system has no such
    file. None where no process of that number is alive (a zombie is not)."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        return []
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (OSError, IndexError):
        return []
    return None if fields[0] == "Z" else fields


def process_name() -> str:
    """This process, in a way that no other one on this or another machine is called: its host, its
    number, and when it started (in ticks since the machine did)."""
    return f"{socket.gethostname()[:60]}-{os.getpid()}-{_birth(process_stat(os.getpid()))}"


def name_is_dead(name: str) -> bool:
    """Whether the process that `process_name` called so was on this machine and is no more."""
    host, pid, birth = name.rsplit("-", 2)
    if host != socket.gethostname()[:60]:
        return False
    stat = process_stat(int(pid))
    return stat is None or _birth(stat) != birth


def _birth(stat: list[str] | None) -> str:
    return stat[19] if stat and len(stat) > 19 else "0"
