"""One folder per model family: what it is set by, and its network; `ml.registry` walks them. The
networks load torch, and are imported where one is built.
"""
