"""The benchmark of cost against ratings: its data, one size of it in small, and the picture."""

import numpy as np
import pytest

from engine.bench.scaling import MOST, SIZES, Scale, chart, draw, scale, settings
from engine.bench.wide import RANDOM, wide

SHAPE = (400, 300)


def test_ratings_are_as_many_as_asked_in_order_and_each_once():
    ratings = wide(5_000, *SHAPE)
    code = ratings.biased.code(SHAPE[1])
    assert len(code) == 5_000
    assert (np.diff(code) > 0).all()
    assert ratings.biased.user.max() < SHAPE[0]
    assert ratings.biased.item.max() < SHAPE[1]
    assert 0.1 < ratings.biased.rating.mean() < 0.6
    assert len(ratings.random) == RANDOM
    assert len(np.unique(ratings.random.code(SHAPE[1]))) == RANDOM
    count = np.sort(np.bincount(ratings.biased.item, minlength=SHAPE[1]))
    assert count[-30:].sum() > 0.2 * 5_000  # the most popular tenth
    again = wide(5_000, *SHAPE)
    np.testing.assert_array_equal(again.biased.code(SHAPE[1]), code)


def test_a_size_is_measured_after_the_epoch_that_warms_up():
    found = scale(settings(), 5_000, SHAPE)
    assert found.epoch_seconds > 0
    assert found.microseconds_per_rating == pytest.approx(found.epoch_seconds / 5_000 * 1e6)
    # P, Q, b, c and the ones of theta (d = 32) and xi (d = 10) with two moments each; counts and
    # steps of rows; three numbers a rating.
    rows = sum(SHAPE)
    parameters = rows * 4 * (33 + 11)
    moments = rows * 4 * 2 * (34 + 12)
    least = parameters + moments + 5_000 * 24
    assert least < found.counted_gib * 2**30 < 1.2 * least
    assert found.target == MOST


def rows(n):
    return [Scale("x", size, 1e-5 * size, 10.0, 1.0, 0.8, 1.25) for size in SIZES[:n]]


@pytest.mark.parametrize(("name", "start"), [("a.svg", b"<svg"), ("a.png", b"\x89PNG")])
def test_both_curves_are_drawn(tmp_path, name, start):
    draw(rows(3), tmp_path / name)
    assert (tmp_path / name).read_bytes().startswith(start)


def test_the_picture_has_time_and_memory_beside_what_is_expected():
    seconds, memory = chart(rows(4)).to_dict()["hconcat"]
    assert [layer["encoding"]["y"]["field"] for layer in seconds["layer"]] == [
        "epoch_seconds",
        "linear",
    ]
    assert [layer["encoding"]["y"]["field"] for layer in memory["layer"]] == [
        *("held_gib", "counted_gib", "bound"),
    ]
