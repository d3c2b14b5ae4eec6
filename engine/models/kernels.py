"""Inner loops over pairs of a factorisation, compiled by numba for the processor they run on.

Arrays have a run axis: users [R, a, w] and items [R, b, w] are rows (`engine.models.rows`); user
and item [1 or R, n] are the pairs, shared by all runs or each run's own. A pair costs two rows,
read where they lie; with tensor operations, the rows of every pair would be copied first, or a
product made of all users and items. Codes are not checked.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.loops import loops


@loops
def products(users: Any, items: Any, user: Any, item: Any, out: Any) -> None:
    """out [R, n]: the user's row times the item's, of every pair."""
    for r in range(out.shape[0]):
        q = r if user.shape[0] > 1 else 0
        for k in range(out.shape[1]):
            a, b = users[r, user[q, k]], items[r, item[q, k]]
            total = out.dtype.type(0)
            for j in range(a.shape[0]):
                total += a[j] * b[j]
            out[r, k] = total


@loops
def add_gradients(
    users: Any, items: Any, user: Any, item: Any, slope: Any, to_users: Any, to_items: Any
) -> None:
    """Add to tables of the same shapes the gradient of sum(slope * product); slope [R, n]."""
    for r in range(slope.shape[0]):
        q = r if user.shape[0] > 1 else 0
        for k in range(slope.shape[1]):
            u, i, s = np.uintp(user[q, k]), np.uintp(item[q, k]), slope[r, k]  # none is negative
            a, b, of_a, of_b = users[r, u], items[r, i], to_users[r, u], to_items[r, i]
            for j in range(a.shape[0]):  # two loops: rows that might overlap are checked for
                of_a[j] += s * b[j]
            for j in range(a.shape[0]):
                of_b[j] += s * a[j]


@loops
def square_gradient(rows: Any, pairs: Any, places: Any, mu: Any, found: Any, by_mu: Any) -> None:
    """Add to `found` and by_mu [R] the gradient of sum twice/2 (score - label)^2 over [R, m].

    rows: (users, items, A [R, a', w], B [R, b', w]); pairs: (user, item, label, twice). Scores are
    of users and items, but with A and B in place of those rows that have a place there, (row [a],
    column [b]), negative for none; mu [R] adds to them, [0] for none. found: (by A, by B), which
    with mu alone are asked for; so pairs that have none of these are passed over.
    """
    users, items, A, B = rows
    user, item, label, twice = pairs
    row, column = places
    to_A, to_B = found
    for r in range(user.shape[0]):
        for k in range(user.shape[1]):
            u, i = user[r, k], item[r, k]
            p, q = row[u], column[i]
            if p < 0 and q < 0 and mu.shape[0] == 0:
                continue
            a = A[r, p] if p >= 0 else users[r, u]
            b = B[r, q] if q >= 0 else items[r, i]
            slope = -label[r, k]
            for j in range(a.shape[0]):
                slope += a[j] * b[j]
            if mu.shape[0] > 0:
                slope += mu[r]
            slope *= twice[r, k]
            if mu.shape[0] > 0:
                by_mu[r] += slope
            if p >= 0:
                of_a = to_A[r, p]
                for j in range(a.shape[0]):
                    of_a[j] += slope * b[j]
            if q >= 0:
                of_b = to_B[r, q]
                for j in range(a.shape[0]):
                    of_b[j] += slope * a[j]
