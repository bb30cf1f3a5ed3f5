"""What the networks rebuild."""

from __future__ import annotations

import torch

from ml.networks.autoencoder import Autoencoder


def test_the_last_row_alone_is_the_last_row_of_the_window() -> None:
    torch.manual_seed(0)
    network = Autoencoder(7, window=32, latent=5, channels=6).eval()
    x = torch.randn(9, 32, 7)
    torch.testing.assert_close(network.rebuild_last(x), network(x)[:, -1], atol=1e-6, rtol=1e-5)
