"""The import page of staff, a face of its own: views, the form of the options, and the words."""
