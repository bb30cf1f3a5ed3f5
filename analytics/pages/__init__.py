"""What people see, put into words, charts and cards; nothing is decided here."""
