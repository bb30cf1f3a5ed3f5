"""The page of alerts, a face of its own: views, the forms, and the words."""
