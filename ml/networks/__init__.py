"""The networks: the families' own, what those of a task must be able to do, and how they learn and
are asked. They load torch when they are imported; who only answers needs none of them (ml.graph).
"""
