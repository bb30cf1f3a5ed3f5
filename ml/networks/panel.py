"""The network of a panel of markets: a recurrent forecaster that is told which market it sees."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ml.configs import Sizes
from ml.networks.forecast import HurdleHead, PanelNetwork, SummaryBranch


class PanelModel(PanelNetwork):
    """Quantiles of the move at every horizon. A market's embedding stands beside every row of its
    window and beside its summaries; all begin at zero, so that markets are alike until their
    samples ask for a difference."""

    def __init__(
        self,
        sizes: Sizes,
        *,
        cell: type[nn.LSTM] | type[nn.GRU],
        markets: int,
        embedding: int,
        hidden: int,
        width: int,
        dropout: float,
    ) -> None:
        """`markets` with the own one."""
        super().__init__()
        self.market = nn.Embedding(markets, embedding)
        nn.init.zeros_(self.market.weight)
        self.recurrent = cell(sizes.channels + embedding, hidden, batch_first=True)
        self.summary = SummaryBranch(sizes.static + embedding, width, dropout)
        self.head = HurdleHead(hidden + width, sizes, dropout)

    def forward(
        self, window: Tensor, static: Tensor, paths: Tensor, market: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """As PanelNetwork has it."""
        # A graph keeps the sizes that it is traced with unless they are asked of the tensor.
        if market is None:
            known = self.market.weight[:1].expand(window.size(0), -1)
        else:
            known = self.market(market)
        rows = known[:, None].expand(-1, window.size(1), -1)
        states, _ = self.recurrent(torch.cat([window, rows], dim=2))
        summary = self.summary(torch.cat([static, known], dim=1))
        return self.head(torch.cat([states[:, -1], summary], dim=1), paths)
