"""One file per model family: what it is set by; `ml.registry` walks this folder. Its network lies
in `ml.networks`, which loads torch, and is imported where one is built.
"""
