"""One file per model family; `ml.registry` walks this folder."""
