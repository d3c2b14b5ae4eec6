"""The data of a group of runs as tensors, one lane a run.

Lanes share the biased ratings and their blocks; the uniform sample (padded), the propensity and
lam are each lane's own. Validation and test stay outside: `engine.training.evaluation` holds them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from engine.config import RunConfig
from engine.datasets.ratings import FloatArray, IntArray, Ratings
from engine.datasets.splits import Split
from engine.errors import ConfigError
from engine.methods.propensity import PropensityEstimate


@dataclass
class Lanes:
    """R lanes over n biased ratings.

    user, item [n]; label [1, n]; inverse_propensity [R or 1, n] (one row where all lanes agree).
    level [n]: 1 for a negative label, 2 for a positive one, a byte each.
    uniform_user, uniform_item, uniform_label, uniform_share [R, m]: the uniform samples, padded;
    share is 1/|U| on ratings and 0 on padding, so that a weighted sum is the mean over U.
    phi_share, target_share [R, m]: the same over the ratings that serve phi and the target; all of
    U for both, or a half each (`uniform_reuse`).
    covered_user, covered_item: whom random ratings cover, where the constraint is restricted to
    them (`target_support`), else None.
    lam [R]; balanced [R] says which lanes' weights may leave uniform, exact [R] which of these
    are solved for rather than learned, learned [R] which are not.
    all_balanced, any_exact, any_learned, all_learned: asked for in every block.
    """

    user: Tensor
    item: Tensor
    label: Tensor
    level: Tensor
    inverse_propensity: Tensor
    uniform_user: Tensor
    uniform_item: Tensor
    uniform_label: Tensor
    uniform_share: Tensor
    phi_share: Tensor
    target_share: Tensor
    lam: Tensor
    balanced: Tensor
    exact: Tensor
    density: float
    covered_user: Tensor | None
    covered_item: Tensor | None

    PER_LANE = (
        "inverse_propensity",
        "uniform_user",
        "uniform_item",
        "uniform_label",
        "uniform_share",
        "phi_share",
        "target_share",
        "lam",
        "balanced",
        "exact",
    )

    def __post_init__(self) -> None:
        self.learned = self.balanced & ~self.exact
        self.all_balanced, self.any_exact = bool(self.balanced.all()), bool(self.exact.any())
        self.any_learned, self.all_learned = bool(self.learned.any()), bool(self.learned.all())

    @classmethod
    def build(
        cls,
        configs: Sequence[RunConfig],
        ratings: Ratings,
        splits: Sequence[Split],
        propensities: Sequence[PropensityEstimate],
        device: torch.device,
    ) -> Lanes:
        """Stack the lanes of `configs`, all of one group."""
        dtype = getattr(torch, configs[0].dtype)

        def real(values: object) -> Tensor:
            return torch.as_tensor(np.asarray(values), dtype=dtype, device=device)

        inverse = np.stack([estimate.inverse for estimate in propensities])
        if (inverse == inverse[0]).all():
            inverse = inverse[:1]
        samples = [ratings.random.take(split.uniform) for split in splits]
        width = max(len(sample) for sample in samples)

        def padded(rows: Sequence[object]) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
            table = np.zeros((len(rows), width))
            for row, values in zip(table, rows, strict=True):
                row[: len(np.asarray(values))] = np.asarray(values)
            return table

        def index(values: object) -> Tensor:
            whole = np.asarray(values).astype(np.int64, copy=False)  # B's are shared, not copied
            return torch.as_tensor(whole, device=device)

        label = ratings.label(ratings.biased)
        serve = [_shares(c, len(s)) for c, s in zip(configs, samples, strict=True)]
        covered = configs[0].target_support == "covered"
        return cls(
            user=index(ratings.biased.user),
            item=index(ratings.biased.item),
            label=real(label).unsqueeze(0),
            level=torch.as_tensor((1 + label).astype(np.int8), device=device),
            inverse_propensity=real(inverse),
            uniform_user=index(padded([sample.user for sample in samples])),
            uniform_item=index(padded([sample.item for sample in samples])),
            uniform_label=real(padded([ratings.label(sample) for sample in samples])),
            uniform_share=real(padded([np.full(len(s), 1 / len(s)) for s in samples])),
            phi_share=real(padded([phi for phi, _ in serve])),
            target_share=real(padded([target for _, target in serve])),
            lam=real([config.lam for config in configs]),
            balanced=torch.tensor([c.balanced for c in configs], device=device),
            exact=torch.tensor([c.balanced and c.balance == "exact" for c in configs]).to(device),
            density=ratings.density,
            covered_user=_mask(ratings.random.user, ratings.n_users, device) if covered else None,
            covered_item=_mask(ratings.random.item, ratings.n_items, device) if covered else None,
        )

    def keep(self, lanes: Tensor) -> None:
        """Keep only these lanes, in this order."""
        for name in self.PER_LANE:
            value = getattr(self, name)
            if len(value) > 1 or name != "inverse_propensity":
                setattr(self, name, value.index_select(0, lanes))
        self.__post_init__()


def _shares(config: RunConfig, n: int) -> tuple[FloatArray, FloatArray]:
    """1/count over the ratings that serve phi, and over those that serve the target, each [n].

    U comes in random order, so its first half is a random half.
    """
    if config.uniform_reuse == "shared":
        return np.full(n, 1 / n), np.full(n, 1 / n)
    half = n // 2
    if half < 1:
        raise ConfigError("uniform_reuse", "split", "shared with so few uniform ratings")
    first = (np.arange(n) < half).astype(float)
    return first / half, (1 - first) / (n - half)


def _mask(index: IntArray, n: int, device: torch.device) -> Tensor:
    """Which of n codes `index` has, whether their ratings are of the sample or not."""
    mask = torch.zeros(n, dtype=torch.bool, device=device)
    mask[torch.as_tensor(index, device=device)] = True
    return mask
