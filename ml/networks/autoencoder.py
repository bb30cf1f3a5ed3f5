"""The network of the window autoencoder."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from ml.networks.anomaly import AnomalyNetwork


class Autoencoder(AnomalyNetwork):
    """Rebuilds a window of squashed, standardised features through a code of `latent` numbers.

    `window` must be a multiple of 4: two convolutions of stride 2 shorten it. Raises ValueError.
    """

    def __init__(
        self, n_features: int, *, window: int = 16, latent: int = 16, channels: int = 32
    ) -> None:
        super().__init__()
        if window % 4:
            raise ValueError(f"the window must be a multiple of 4, not {window}")
        self.short, self.channels = window // 4, channels
        self.encode = nn.Sequential(
            nn.Conv1d(n_features, channels, 3, padding=1),
            nn.GELU(),
            nn.Conv1d(channels, channels, 4, stride=2, padding=1),
            nn.GELU(),
            nn.Conv1d(channels, channels, 4, stride=2, padding=1),
            nn.GELU(),
            nn.Flatten(),
            nn.Linear(channels * self.short, latent),
        )
        self.widen = nn.Linear(latent, channels * self.short)
        self.decode = nn.Sequential(
            nn.GELU(),
            nn.ConvTranspose1d(channels, channels, 4, stride=2, padding=1),
            nn.GELU(),
            nn.ConvTranspose1d(channels, channels, 4, stride=2, padding=1),
            nn.GELU(),
            nn.Conv1d(channels, n_features, 3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(batch, time, feature) -> (batch, time, feature)."""
        return self.decode(self._widened(x)).transpose(1, 2)

    def rebuild_last(self, x: Tensor) -> Tensor:
        """(batch, time, feature) -> (batch, feature): the last row of `forward` at a third of the
        price. No layer of the decoder looks further back than one place of its input."""
        before, last = self._widened(x)[..., -2:].unbind(-1)
        *layers, final = self.decode
        for layer in layers:
            before, last = _last_two(layer, before, last)
        weight, bias = _parameters(final)  # (out, in, tap): the third tap looks at the padding
        return before @ weight[..., 0].T + last @ weight[..., 1].T + bias

    def _widened(self, x: Tensor) -> Tensor:
        """(batch, time, feature) -> (batch, channel, time / 4)."""
        code = self.encode(x.transpose(1, 2))
        return self.widen(code).view(-1, self.channels, self.short)


def _last_two(layer: nn.Module, before: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
    """The last place but one and the last, (batch, channel) each, of what a layer of the decoder
    answers, from those of its input. Of the 4 taps of a stride of 2 one reaches the last place, and
    two the one before it: plain products, where a convolution would also make what nobody asks
    for."""
    if not isinstance(layer, nn.ConvTranspose1d):
        return layer(before), layer(last)
    weight, bias = _parameters(layer)  # (in, out, tap)
    return last @ weight[..., 1] + before @ weight[..., 3] + bias, last @ weight[..., 2] + bias


def _parameters(layer: nn.Module) -> tuple[Tensor, Tensor]:
    """Weight and bias."""
    return cast(Tensor, layer.weight), cast(Tensor, layer.bias)
