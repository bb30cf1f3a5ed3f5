"""What a cell says: tokens, figures, times."""
