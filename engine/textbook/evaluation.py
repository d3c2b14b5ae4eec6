"""An epoch's end as the released code has it: errors of fit block by block, and of validation."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from engine.textbook.data import Observed

AT_ONCE = 128  # validation ratings scored together, on Coat
Rating = tuple[Tensor, Tensor, Tensor]
Predict = Callable[[Tensor, Tensor], Tensor]


class Interactions(Dataset[Rating]):
    """Ratings of a sparse matrix, one by one: user, item, label."""

    def __init__(self, matrix: Tensor) -> None:
        self._matrix = matrix

    def __len__(self) -> int:
        return int(self._matrix._nnz())

    def __getitem__(self, place: int) -> Rating:
        row, column = self._matrix._indices()[0][place], self._matrix._indices()[1][place]
        return row, column, self._matrix._values()[place]


def loader_of(matrix: Tensor) -> Iterable[Rating]:
    """Ratings in batches, put together one by one."""
    return DataLoader(Interactions(matrix), batch_size=AT_ONCE, shuffle=False, num_workers=0)


def fitted(
    predict: Predict, data: Observed, blocks: Iterable[tuple[Tensor, Tensor]]
) -> dict[str, float]:
    """Errors on the biased ratings, whose blocks are found once more."""
    found = ((user, item, label) for _, user, item, label in (data.inside(*b) for b in blocks))
    score, label = scored(predict, found)
    return {"training_mse": mse(score, label), "training_nll": nll(score, label)}


def validated(predict: Predict, loader: Iterable[Rating]) -> dict[str, float]:
    """Errors and AUC on validation ratings."""
    score, label = scored(predict, loader)
    return {"mse": mse(score, label), "nll": nll(score, label), "auc": auc(score, label)}


def scored(predict: Predict, batches: Iterable[Rating]) -> tuple[Tensor, Tensor]:
    """Scores and labels of all batches, each put behind those before it."""
    score, label = torch.empty(0), torch.empty(0)
    for users, items, labels in batches:
        score = torch.cat((score, predict(users, items)))
        label = torch.cat((label, labels))
    return score, label


def mse(score: Tensor, label: Tensor) -> float:
    """Mean squared error."""
    return torch.mean((score - label) ** 2).item()


def nll(score: Tensor, label: Tensor) -> float:
    """Mean of log(1 + exp(-score label)), which is 0 to learn from where a label is 0."""
    return torch.sum(torch.log(1 + torch.exp(-score * label))).item() / len(label)


def auc(score: Tensor, label: Tensor) -> float:
    """By ranks of a sort; ties as they come."""
    positive = label == 1
    n, count = len(score), int(positive.sum())
    rank = torch.zeros(n, dtype=torch.float64)
    rank[torch.argsort(score)] = torch.tensor(list(range(n)), dtype=torch.float64)
    below = torch.sum(rank * positive) - count * (count - 1) / 2
    return (below / (count * (n - count))).item()
