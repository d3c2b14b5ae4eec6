"""The map of pairs: what stands where, what is binned, and that nothing is lost."""

import numpy as np
import pandas as pd
import pytest

from engine.config import make_config
from engine.datasets import load
from engine.diagnostics import Deciles
from engine.inspection import pair_map
from engine.inspection.pair_map import Ranks


def pairs_of(user, item, weight=None):
    frame = pd.DataFrame({"user": user, "item": item})
    frame["user_activity"] = frame.groupby("user")["item"].transform("size")
    frame["item_popularity"] = frame.groupby("item")["user"].transform("size")
    frame["weight"] = 1.0 if weight is None else weight
    return frame


def test_ranks_go_by_count_and_then_by_code():
    # User 7 has one rating, users 2 and 5 two; items 0 and 3 two each, item 9 one.
    ranks = Ranks.of(pairs_of([2, 2, 5, 5, 7], [0, 3, 3, 9, 0]))
    assert ranks.users.tolist() == [7, 2, 5]
    assert ranks.items.tolist() == [9, 0, 3]
    assert ranks.user.tolist() == [1, 1, 2, 2, 0]
    assert ranks.item.tolist() == [1, 2, 2, 0, 1]
    assert ranks.whole == (0, 3, 0, 3)


@pytest.fixture(scope="module")
def small():
    ratings = load(make_config(dataset="simulated-small"))
    rng = np.random.default_rng(0)
    weight = np.exp(rng.normal(0, 0.3, len(ratings.biased)))
    frame = pairs_of(ratings.biased.user, ratings.biased.item, weight)
    deciles = Deciles.of(ratings)
    frame["user_group"] = deciles.user_group[frame["user"]] + 1
    frame["item_group"] = deciles.item_group[frame["item"]] + 1
    return frame, Ranks.of(frame)


def test_a_cell_of_the_decile_map_is_a_rectangle_and_holds_its_pairs(small):
    frame, ranks = small
    for cell in ((1, 1), (5, 9), (12, 12)):
        inside = (frame["user_group"] == cell[0]) & (frame["item_group"] == cell[1])
        box = ranks.cell(frame, cell)
        shown = pair_map.pair_map(ranks, frame["weight"].to_numpy(), box, box)
        assert sorted(shown.cells["pair"]) == np.flatnonzero(inside).tolist()
    assert ranks.cell(frame, (13, 1)) is None


def test_every_pair_is_a_cell_where_they_are_few(small):
    frame, ranks = small
    shown = pair_map.pair_map(ranks, frame["weight"].to_numpy(), ranks.whole, ranks.whole)
    assert shown.single
    assert shown.pairs == len(shown.cells) == len(frame)
    cells = shown.cells.set_index("pair").sort_index()
    np.testing.assert_allclose(cells["weight"], frame["weight"])
    np.testing.assert_array_equal(ranks.users[cells["user"]], frame["user"])
    np.testing.assert_array_equal(ranks.items[cells["item"]], frame["item"])


def test_many_are_binned_and_keep_count_and_mean(small, monkeypatch):
    frame, ranks = small
    monkeypatch.setattr(pair_map, "SIDE", 50)
    monkeypatch.setattr(pair_map, "BINS", 30)
    weight = frame["weight"].to_numpy()
    shown = pair_map.pair_map(ranks, weight, ranks.whole, ranks.whole)
    sides = len(ranks.users), len(ranks.items)
    assert shown.step == tuple(-(-n // 30) for n in sides)
    assert not shown.single
    assert max(shown.shape) <= 30
    assert shown.cells["pairs"].sum() == len(frame)
    total = (shown.cells["weight"] * shown.cells["pairs"]).sum()
    assert total == pytest.approx(weight.sum())
    one = shown.cells.iloc[7]
    here = (ranks.user // shown.step[0] == one["row"]) & (
        ranks.item // shown.step[1] == one["column"]
    )
    assert weight[here].mean() == pytest.approx(one["weight"])
    part = pair_map.pair_map(ranks, weight, (10, 60, 20, 70), ranks.whole)
    assert part.single
    assert part.pairs == len(part.cells) < len(frame)


def test_pairs_held_out_are_not_shown(small):
    frame, ranks = small
    weight = frame["weight"].to_numpy().copy()
    weight[:100] = 0
    shown = pair_map.pair_map(ranks, weight, ranks.whole, ranks.whole)
    assert shown.pairs == len(frame) - 100


def test_a_box_is_cut_to_what_there_is(small):
    _, ranks = small
    assert ranks.clipped((-5, 9000, 3, 9000), (0, 200, 0, 150)) == (0, 200, 3, 150)
    # Beyond all of it: the nearest pair's width.
    assert ranks.clipped((500, 600, 0, 2), (0, 200, 0, 150)) == (199, 200, 0, 2)


def test_more_pairs_than_can_be_drawn_are_binned_however_small_the_part(small, monkeypatch):
    frame, ranks = small
    monkeypatch.setattr(pair_map, "CELLS", 1000)
    shown = pair_map.pair_map(ranks, frame["weight"].to_numpy(), ranks.whole, ranks.whole)
    assert not shown.single
    assert shown.cells["pairs"].sum() == len(frame)
    assert (shown.cells["pair"] == -1).all()
