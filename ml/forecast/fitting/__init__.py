"""How forecasters are trained: the samples, those of other markets, and the training itself."""
