"""What a cell says: tokens and figures, times; never more than the cell and the decision for its column."""
