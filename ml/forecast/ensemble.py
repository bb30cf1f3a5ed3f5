"""A few networks of one family that answer together, and the scaler of their static inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ml.forecast.features import Inputs
from ml.forecast.metrics import LEVELS
from ml.forecast.nets import mixture_quantiles

_CHUNK = 8192
_LIMIT = 6.0


@dataclass(frozen=True)
class StaticScaler:
    """Standardises static inputs; what is unknown becomes 0, the mean."""

    centre: np.ndarray
    width: np.ndarray

    @classmethod
    def fit(cls, static: np.ndarray, odd: np.ndarray) -> StaticScaler:
        """`odd` (features,) marks inputs whose sign means a direction: their zero stays zero."""
        known = np.isfinite(static)
        count = np.maximum(known.sum(axis=0), 1)
        filled = np.where(known, static, 0.0)
        centre = np.where(odd, 0.0, filled.sum(axis=0) / count)
        square = np.where(known, (filled - centre) ** 2, 0.0).sum(axis=0) / count
        width = np.where(square > 1e-8, np.sqrt(square), 1.0)
        return cls(centre.astype("float32"), width.astype("float32"))

    def __call__(self, static: np.ndarray) -> np.ndarray:
        scaled = np.clip((static - self.centre) / self.width, -_LIMIT, _LIMIT)
        return np.nan_to_num(scaled, nan=0.0).astype("float32")


class Ensemble:
    """Averages the quantiles of its members."""

    def __init__(
        self, members: Sequence[nn.Module], scaler: StaticScaler, device: torch.device
    ) -> None:
        self.members = [m.to(device).eval() for m in members]
        self.scaler, self.device = scaler, device

    def tensors(self) -> dict[str, Tensor]:
        """Everything learnt, by name, for an artifact."""
        named = {
            f"member{k}.{name}": value.detach().cpu()
            for k, member in enumerate(self.members)
            for name, value in member.state_dict().items()
        }
        named["static.centre"] = torch.from_numpy(self.scaler.centre)
        named["static.width"] = torch.from_numpy(self.scaler.width)
        return named

    @classmethod
    def restore(
        cls,
        members: Sequence[nn.Module],
        tensors: Mapping[str, Tensor],
        device: torch.device,
    ) -> Ensemble:
        """Fill freshly built `members` from what `tensors` gave."""
        for k, member in enumerate(members):
            head = f"member{k}."
            own = {n.removeprefix(head): t for n, t in tensors.items() if n.startswith(head)}
            member.load_state_dict(own)
        scaler = StaticScaler(tensors["static.centre"].numpy(), tensors["static.width"].numpy())
        return cls(members, scaler, device)

    def quantiles(self, inputs: Inputs) -> np.ndarray:
        """(m, horizons, levels) quantiles of the move, in the inputs' scale."""
        arrays = (inputs.windows, self.scaler(inputs.static), inputs.paths)
        parts = []
        for start in range(0, len(inputs.scale), _CHUNK):
            chunk = [torch.from_numpy(a[start : start + _CHUNK]).to(self.device) for a in arrays]
            parts.append(np.mean([member_quantiles(m, chunk) for m in self.members], axis=0))
        return np.concatenate(parts)


def member_quantiles(member: nn.Module, chunk: Sequence[Tensor]) -> np.ndarray:
    """(m, horizons, levels) of one network in eval mode."""
    with torch.inference_mode():
        logit, knots = member(*chunk)
        change = torch.sigmoid(logit).cpu().numpy().astype("float64")
        return mixture_quantiles(change, knots.cpu().numpy().astype("float64"), LEVELS)
