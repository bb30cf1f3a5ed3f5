"""What networks learnt, as arrays by name: into an artifact and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np
import torch
from torch import nn

NetworkT = TypeVar("NetworkT", bound=nn.Module)


def weights_of(networks: Sequence[nn.Module], mark: str) -> dict[str, np.ndarray]:
    """All that they learnt, by name, for an artifact; `mark` is "...{}..." for the number."""
    return {
        mark.format(number) + name: value.detach().cpu().numpy()
        for number, network in enumerate(networks)
        for name, value in network.state_dict().items()
    }


def filled(
    networks: Sequence[NetworkT], mark: str, tensors: Mapping[str, np.ndarray]
) -> Sequence[NetworkT]:
    """Freshly built networks with what `weights_of` gave. Raises RuntimeError where they do not
    fit."""
    for number, network in enumerate(networks):
        head = mark.format(number)
        own = {n.removeprefix(head): v for n, v in tensors.items() if n.startswith(head)}
        network.load_state_dict({name: torch.from_numpy(array) for name, array in own.items()})
    return networks
