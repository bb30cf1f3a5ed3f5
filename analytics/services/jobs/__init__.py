"""Long work: requested, claimed, kept alive, cancelled, reaped, closed."""
