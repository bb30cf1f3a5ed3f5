"""Failures that lie in the machine, not in what was asked: each has a stable code and one line."""

from __future__ import annotations

import errno

from django.db import DatabaseError
from django.utils.translation import gettext as _

from analytics.exceptions import StorageAway, Unavailable

_NO_ROOM = ("no space left on device", "disk is full", "disk quota exceeded")
_NO_ENTRY = (errno.EACCES, errno.EPERM, errno.EROFS)


def failure_of(error: BaseException, *, why: str | None = None) -> Unavailable | None:
    """What a failure of disk, storage, database or memory is called (disk_full, not_writable,
    io_error, storage_away, database_error, out_of_memory); None for everything else, which is a
    fault of the program. It names files, hosts and accounts: to who is not to know them say `why`
    in their place."""
    if isinstance(error, StorageAway):
        return error
    full = " ".join(str(error).split())
    said = full if why is None else why
    if any(words in full.lower() for words in _NO_ROOM):
        # Libraries that write files by themselves (safetensors, SQLite) have errors of their own.
        return Unavailable(
            _("There is no room left on the disk (%(why)s).") % {"why": said}, "disk_full"
        )
    if isinstance(error, OSError):
        if error.errno in _NO_ENTRY:
            text, code = _("A file or folder cannot be used (%(why)s)."), "not_writable"
        else:
            text, code = _("A file cannot be read or written (%(why)s)."), "io_error"
        return Unavailable(text % {"why": said}, code)
    if isinstance(error, DatabaseError):
        return Unavailable(_("The database refuses (%(why)s).") % {"why": said}, "database_error")
    if isinstance(error, MemoryError):
        return Unavailable(_("The memory does not suffice."), "out_of_memory")
    return None
