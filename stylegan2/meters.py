"""Numbers that training reports: summed on the device, read once a tick."""

from __future__ import annotations

import torch
from torch import Tensor

from stylegan2.distributed import add_up, processes


class Meters:
    """Means of named quantities since they were last read."""

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, int] = {}

    def add(self, name: str, values: Tensor) -> None:
        """Count every element of `values`; nothing waits for the device."""
        total = values.detach().sum(dtype=torch.float64)
        self._sums[name] = self._sums[name] + total if name in self._sums else total
        self._counts[name] = self._counts.get(name, 0) + values.numel()

    def read(self) -> dict[str, float]:
        """Return the mean of each quantity over all processes, and start again."""
        add_up(self._sums.values())
        means = {name: float(self._sums[name]) / self._counts[name] / processes() for name in sorted(self._sums)}
        self._sums, self._counts = {}, {}
        return means
