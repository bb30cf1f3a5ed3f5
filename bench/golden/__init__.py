"""Golden answers: what the product says on fixed data and seeds, recorded before a change that is
to change nothing, and compared after it.

python -m bench.golden record DIR [--data FILE]     record into a new folder (about 4 minutes)
python -m bench.golden compare DIR [--data FILE]    record again and tell every difference

Only what is promised to outlive a move is asked: names behind the door of `ml`, addresses of HTTP,
management commands, the files of an artifact, paths of tasks in queues. Strings must be equal,
numbers to 1e-9. Clock, seeds and threads are fixed; durations and folders are masked.
"""
