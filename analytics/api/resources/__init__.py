"""The resources: a file each, with its rows, inputs, filters and actions."""
