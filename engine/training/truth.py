"""What only a simulation can tell: the predictor's true ideal loss."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from engine.datasets.ratings import Truth
from engine.diagnostics import sample_pairs
from engine.models import MatrixFactorization

SLAB = 2_000_000  # pairs of D looked at together


class IdealLoss:
    """L_ideal = (1/|D|) sum_D (r - r_hat)^2 (1), from the simulator's labels of all pairs.

    Above 2e6 pairs a fixed, seeded sample of 1e6 pairs stands for D while training; `exact` is
    always over all of D.
    """

    def __init__(self, truth: Truth, dtype: torch.dtype, device: torch.device) -> None:
        self._label = torch.as_tensor(truth.label, device=device)
        self._dtype = dtype
        n_users, n_items = truth.label.shape
        self._sample: tuple[Tensor, Tensor] | None = None
        drawn = sample_pairs(n_users * n_items)
        if drawn is not None:
            user, item = np.divmod(drawn, n_items)
            self._sample = (
                torch.as_tensor(user, device=device),
                torch.as_tensor(item, device=device),
            )

    def __call__(self, theta: MatrixFactorization) -> list[float]:
        """One value a run."""
        if self._sample is None:
            return self.exact(theta)
        user, item = self._sample
        label = self._label[user, item].to(self._dtype)
        loss: list[float] = (theta.score(user, item) - label).square().mean(1).tolist()
        return loss

    def exact(self, theta: MatrixFactorization) -> list[float]:
        """One value a run, over all of D, a slab of users at a time."""
        n_users, n_items = self._label.shape
        step = max(1, SLAB // n_items)
        total = torch.zeros(len(theta.P), dtype=torch.float64)
        for start in range(0, n_users, step):
            users = slice(start, min(start + step, n_users))
            error = theta.score_all(users) - self._label[users].to(self._dtype)
            total += error.square().sum((1, 2), dtype=torch.float64).cpu()
        values: list[float] = (total / (n_users * n_items)).tolist()
        return values
