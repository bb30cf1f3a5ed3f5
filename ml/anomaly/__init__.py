"""Strange rows of a market: a window autoencoder, rules that need no learning, one threshold."""
