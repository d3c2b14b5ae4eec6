"""What a factorisation does with pairs: scores and their gradients, from its rows.

On a CPU by compiled loops (`engine.models.kernels`), elsewhere by tensor operations.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.models import kernels
from engine.models.stacked import add_rows, rows_of

CHUNK = 1 << 18  # numbers gathered at once


def compiled(table: Tensor) -> bool:
    """Whether compiled loops serve a table."""
    return table.is_cpu and not table.requires_grad


def array(tensor: Tensor) -> NDArray[Any]:
    """The numbers of a tensor to read: its own where they lie one after the other."""
    numbers: NDArray[Any] = tensor.numpy()
    return numbers if numbers.flags.c_contiguous else np.ascontiguousarray(numbers)


def products(users: Tensor, items: Tensor, user: Tensor, item: Tensor) -> Tensor:
    """Users [R, a, .] times items [R, b, .] of each pair, [R, n]; indices [n] or [R, n]."""
    if not compiled(users):
        return _gathered(users, items, user, item)
    out = users.new_empty(users.shape[0], user.shape[-1])
    kernels.products(array(users), array(items), _codes(user), _codes(item), out.numpy())
    return out


def _gathered(users: Tensor, items: Tensor, user: Tensor, item: Tensor) -> Tensor:
    at_once = max(1, CHUNK // users[:, 0].numel())
    parts = zip(torch.split(user, at_once, -1), torch.split(item, at_once, -1), strict=True)
    found = [rows_of(users, u).mul_(rows_of(items, i)).sum(-1) for u, i in parts]
    return found[0] if len(found) == 1 else torch.cat(found, dim=-1)


def add_gradients(
    rows: tuple[Tensor, Tensor],
    user: Tensor,
    item: Tensor,
    slope: Tensor,
    to: tuple[Tensor, Tensor],
) -> None:
    """Add the gradient of sum(slope * product) by rows of users [R, a, .] and items [R, b, .] to
    tables like them; slope [R, n], indices [n] or [R, n].
    """
    users, items = rows
    if compiled(users):
        pairs = array(users), array(items), _codes(user), _codes(item), array(slope)
        kernels.add_gradients(*pairs, to[0].numpy(), to[1].numpy())
        return
    column = slope.unsqueeze(-1)
    add_rows(to[0], user, column * rows_of(items, item))
    add_rows(to[1], item, column * rows_of(users, user))


def _codes(index: Tensor) -> NDArray[Any]:
    """[1 or R, n]."""
    codes = array(index)
    return codes if codes.ndim == 2 else codes[None]


def square_gradient(
    rows: tuple[Tensor, Tensor],
    at: tuple[Tensor, Tensor],
    moved: tuple[Tensor, Tensor],
    pairs: tuple[Tensor, Tensor, Tensor, Tensor],
    mu: Tensor | None,
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Gradient of sum share (product + mu - label)^2 by the rows `moved`, and by mu: compiled only.

    rows: users [R, a, .] and items [R, b, .], but at places `at` [a'], [b'] of these `moved`, [R,
    a', .] and [R, b', .], which alone is asked for. pairs: user, item, label, share [R, m]; mu [R,
    1].
    """
    user, item, label, share = pairs
    by_mu = None if mu is None else torch.zeros_like(mu)
    found = torch.zeros_like(moved[0]), torch.zeros_like(moved[1])
    nothing = array(label.new_empty(0))
    kernels.square_gradient(
        (array(rows[0]), array(rows[1]), array(moved[0]), array(moved[1])),
        (array(user), array(item), array(label), array(2 * share)),
        (_places(at[0], rows[0].shape[1]), _places(at[1], rows[1].shape[1])),
        nothing if mu is None else array(mu.flatten()),
        (found[0].numpy(), found[1].numpy()),
        nothing if by_mu is None else by_mu.view(-1).numpy(),
    )
    return *found, by_mu


def _places(index: Tensor, n: int) -> NDArray[np.int64]:
    """Where each of n codes stands in `index` [m], -1 where it does not."""
    found = np.full(n, -1)
    found[index.numpy()] = np.arange(index.shape[0])
    return found


def prepare() -> None:
    """Compile the loops now, or read them from numba's cache: else the first step waits for it."""
    rows, pair = (torch.ones(1, 1, 2), torch.ones(1, 1, 2)), torch.zeros(1, 1, dtype=torch.int64)
    one = torch.ones(1, 1)
    products(*rows, pair, pair)
    add_gradients(rows, pair, pair, one, (torch.zeros(1, 1, 2), torch.zeros(1, 1, 2)))
    square_gradient(rows, (pair[0], pair[0]), rows, (pair, pair, one, one), None)
