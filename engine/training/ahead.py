"""The assumed step of Algorithm 1 on a block, in the block's own rows (METHOD 4).

    theta' = theta - eta grad L_B(theta),   v = grad L_U(theta'),   delta = <grad r_hat(theta), v>

L_B moves the rows of the block's users and items only, and delta asks for v there only. So neither
theta' nor v is ever made whole: with A the block's rows of users and B of items, and G the slopes
of L_B by the scores A B' (0 where the method looks at no pair),

    A' = A - eta G B,   B' = B - eta G' A,   delta = V_A B' + A V_B'   (B' here B transposed)

and rows of U's pairs outside the block are theta's own.

A batch of single pairs has a small model made of its rows and U's, and the step is taken there.
"""

from __future__ import annotations

import torch
from torch import Tensor

from engine.bilevel import Moved, assumed_step, corner_gradient, uniform_gradient
from engine.models import MatrixFactorization, RowwiseFactorization, add_gradients, products
from engine.training.batch import Batch, Grid, Sample, Scores
from engine.training.lanes import Lanes


def look_ahead(
    theta: MatrixFactorization, lanes: Lanes, batch: Batch, slopes: Scores, eta: float
) -> Scores:
    """delta of the pairs of B_k and of D_k; slopes: of L_B, constants."""
    if isinstance(theta, RowwiseFactorization):
        return _delta_of_pairs(theta, lanes, batch, slopes, eta)
    assert batch.block is not None
    block, (observed, everywhere) = batch.block, slopes
    A, B = theta.corner(block.users, block.items)
    grid = batch.everything if everywhere is not None else None
    if everywhere is None:
        slope = -eta * observed
        moved = A.clone(), B.clone()
        add_gradients((A, B), block.row, block.column, slope, moved)
    else:
        assert isinstance(grid, Grid)
        slope = grid.joined(everywhere.clone(), observed).mul_(-eta)
        G = slope.view(-1, A.shape[1], B.shape[1])
        moved = torch.baddbmm(A, G, B), torch.baddbmm(B, G.transpose(1, 2), A)
    theta.settle(*moved)
    mu = None if theta.mu is None else theta.mu + slope.sum(1, keepdim=True)
    at = Moved(block.users, block.items, *moved, mu)
    user, item = lanes.uniform_user, lanes.uniform_item
    label, share = lanes.uniform_label, lanes.phi_share
    V_A, V_B, v_mu = corner_gradient(theta, at, user, item, label, share)
    if not isinstance(grid, Grid):
        along = products(V_A, B, block.row, block.column)
        along += products(A, V_B, block.row, block.column)
        return along if v_mu is None else along.add_(v_mu), None
    along = torch.baddbmm(torch.bmm(V_A, B.transpose(1, 2)), A, V_B.transpose(1, 2)).flatten(1)
    if v_mu is not None:
        along += v_mu
    return along.index_select(1, grid.cell), along


def _delta_of_pairs(
    theta: RowwiseFactorization, lanes: Lanes, batch: Batch, slopes: Scores, eta: float
) -> Scores:
    """The same in a small model of the rows that the batch and U have."""
    users, (user, of_u) = _codes(batch.pairs[0], lanes.uniform_user)
    items, (item, item_of_u) = _codes(batch.pairs[1], lanes.uniform_item)
    part = theta.part(users, items)
    slope = batch.on_pairs(*slopes)
    ahead = assumed_step(part, lambda: part.accumulate(user, item, slope), eta)
    v = uniform_gradient(ahead, of_u, item_of_u, lanes.uniform_label, lanes.phi_share)
    along = part.directional(v, user, item)
    if slopes[1] is None or not isinstance(batch.everything, Sample):
        return along, None
    drawn = batch.everything
    return along.index_select(1, drawn.cell), drawn.worth * drawn.own(along)


def _codes(*indices: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
    """The different values of some indices, and each index as places among them."""
    joined = torch.cat([index.flatten() for index in indices])
    values, place = torch.unique(joined, return_inverse=True)
    parts = place.split([index.numel() for index in indices])
    return values, tuple(p.view_as(i) for p, i in zip(parts, indices, strict=True))
