"""The assumed step of Algorithm 1 on a block, in the block's own rows (METHOD 4).

    theta' = theta - eta grad L_B(theta),   v = grad L_U(theta'),   delta = <grad r_hat(theta), v>

L_B moves the rows of the block's users and items only, and delta asks for v there only. So where
the block is looked at as a grid, neither theta' nor v is ever made whole: with A the block's rows
of users and B of items, and G the slopes of L_B by the scores A B',

    A' = A - eta G B,   B' = B - eta G' A,   delta = V_A B' + A V_B'   (B' here B transposed)

and rows of U's pairs outside the block are theta's own. (Of a small model, theta' is made whole:
that takes fewer calls.)

A batch of single pairs has a small model made of its rows and U's, and the step is taken there.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

from engine.bilevel import assumed_step, uniform_gradient
from engine.models import MatrixFactorization, RowwiseFactorization
from engine.training.batch import Batch, Sample, Scores
from engine.training.lanes import Lanes

SMALL = 1 << 17  # numbers in a model that are sooner copied than gone around


def look_ahead(
    theta: MatrixFactorization, lanes: Lanes, batch: Batch, slopes: Scores, eta: float
) -> Scores:
    """delta of the pairs of B_k and of D_k; slopes: of L_B, constants."""
    if batch.cell is not None:
        return _Corner(theta, batch).delta(lanes, slopes, eta)
    if isinstance(theta, RowwiseFactorization):
        return _delta_of_pairs(theta, lanes, batch, slopes, eta)
    user, item = lanes.uniform_user, lanes.uniform_item
    ahead = assumed_step(theta, lambda: batch.accumulate(theta, *slopes), eta)
    v = uniform_gradient(ahead, user, item, lanes.uniform_label, lanes.phi_share)
    return theta.directional(v, batch.user, batch.item), None


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


@dataclass
class _Corner:
    """The rows of a model that a block of users x items has."""

    theta: MatrixFactorization
    batch: Batch

    def delta(self, lanes: Lanes, slopes: Scores, eta: float) -> Scores:
        """Of B_k and D_k."""
        users, items = self.batch.corner
        A, B = self.theta.corner(users, items)
        slope = self.batch.on_grid(*slopes)
        G = slope.view(-1, users.shape[0], items.shape[0])
        shift = None if self.theta.mu is None else -eta * slope.sum(1, keepdim=True)
        if len(A) == 1 and self.theta.P.numel() + self.theta.Q.numel() <= SMALL:
            V_A, V_B, v_mu = self._whole(lanes, G, eta, shift)
        else:
            moved = torch.bmm(G, B).mul_(-eta), torch.bmm(G.transpose(1, 2), A).mul_(-eta)
            V_A, V_B, v_mu = self._v(lanes, moved, shift)
        along = torch.baddbmm(torch.bmm(V_A, B.transpose(1, 2)), A, V_B.transpose(1, 2)).flatten(1)
        if v_mu is not None:
            along += v_mu
        everywhere = None if slopes[1] is None else along
        assert self.batch.cell is not None
        return along.index_select(1, self.batch.cell), everywhere

    def _whole(
        self, lanes: Lanes, G: Tensor, eta: float, shift: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """`_v` by way of all of theta'."""
        users, items = self.batch.corner
        A, B = self.theta.corner(users, items)
        rows = (
            torch.baddbmm(A, G, B, alpha=-eta),
            torch.baddbmm(B, G.transpose(1, 2), A, alpha=-eta),
        )
        self.theta.settle(*rows)
        mu = None if shift is None or self.theta.mu is None else self.theta.mu + shift
        ahead = self.theta.replaced(users, items, rows, mu)
        user, item = lanes.uniform_user, lanes.uniform_item
        v = uniform_gradient(ahead, user, item, lanes.uniform_label, lanes.phi_share)
        rows = v.of_users.index_select(1, users), v.of_items.index_select(1, items)
        return *rows, v.get("mu")

    def _v(
        self, lanes: Lanes, moved: tuple[Tensor, Tensor], shift: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """grad L_U at theta', in the block's rows, [R, a, .] and [R, b, .], and by mu [R, 1]."""
        user, item = lanes.uniform_user, lanes.uniform_item
        users, items = self.batch.corner
        n_users, n_items = self.theta.P.shape[1], self.theta.Q.shape[1]
        place = _place(users, n_users, user), _place(items, n_items, item)
        near = self._near(*place)
        # One row more, of 0, for those outside the block.
        A, B = (pad(m, (0, 0, 0, 1)).flatten(0, 1) for m in moved)
        at = _under(place[0], len(users) + 1, near), _under(place[1], len(items) + 1, near)
        of_users, of_items = self.theta.under
        X = of_users.index_select(0, _under(user, n_users, near)) + A.index_select(0, at[0])
        Y = of_items.index_select(0, _under(item, n_items, near)) + B.index_select(0, at[1])
        self.theta.settle(X, Y)
        score = (X * Y).sum(-1)
        if shift is not None and self.theta.mu is not None:
            score += (self.theta.mu + shift).expand_as(user).flatten()
        slope = (
            2 * _under(lanes.phi_share, 0, near) * (score - _under(lanes.uniform_label, 0, near))
        )
        column = slope.unsqueeze(-1)
        V_A, V_B = (torch.zeros_like(table) for table in (A, B))
        V_A.index_add_(0, at[0], column * Y)
        V_B.index_add_(0, at[1], column * X)
        self.theta.settle(V_A, V_B, 0.0)
        V_A = V_A.view(-1, len(users) + 1, V_A.shape[1])
        V_B = V_B.view(-1, len(items) + 1, V_B.shape[1])
        v_mu = None if shift is None else slope.view_as(user).sum(1, keepdim=True)
        return V_A[:, :-1], V_B[:, :-1], v_mu

    def _near(self, user_place: Tensor, item_place: Tensor) -> Tensor | None:
        """Which of all runs' uniform ratings have a row in the block; None for all, as mu needs."""
        users, items = self.batch.corner
        if self.theta.mu is not None or len(user_place) == 1:
            return None
        inside = (user_place < len(users)) | (item_place < len(items))
        return inside.flatten().nonzero().flatten()


def _under(values: Tensor, rows: int, near: Tensor | None) -> Tensor:
    """[R, m] as one row of numbers, those `near` only; codes as those of R tables of so many rows
    put under each other.
    """
    if rows and len(values) > 1:
        lane = torch.arange(len(values), device=values.device).unsqueeze(-1)
        values = values + lane * rows
    flat = values.flatten()
    return flat if near is None else flat.index_select(0, near)


def _place(members: Tensor, n: int, codes: Tensor) -> Tensor:
    """Where each of some codes below n stands among members, [R, m]; behind them where it is not
    one.
    """
    place = members.new_full((n,), len(members))
    place.index_copy_(0, members, torch.arange(len(members), device=members.device))
    return place.index_select(0, codes.flatten()).view_as(codes)
