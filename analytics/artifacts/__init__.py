"""Where artifacts lie: stage, publish with one rename, discard. A folder may lack its row (it is
swept later); a row never lacks its folder.

Where PARALELO_ARTIFACT_STORAGE names a storage, that has them for all hosts, and the local folder
is what this host made or fetched. A kill is harmless at any instant by the order of the steps:

- publish: every file, then the marker that lists them, then the local rename; then, by the caller,
  the row. Without its marker an artifact does not exist; without its row it is swept.
- fetch: the marker, every file into staging, compared with what the marker says, then the rename.
- discard, of what has no row any more: the marker, the other files, the local folder.
"""

from analytics.artifacts.folders import folder_of, folders, stage
from analytics.artifacts.keeping import discard, fetch, pack, publish, share, sweep

__all__ = [
    "discard",
    "fetch",
    "folder_of",
    "folders",
    "pack",
    "publish",
    "share",
    "stage",
    "sweep",
]
