"""Compiled loops work where nothing can be kept on disk, too."""

import numba
import numpy as np
import pytest

from engine import loops


def double(values, out):
    for k in range(values.shape[0]):
        out[k] = 2 * values[k]


@pytest.mark.parametrize("place", [True, False], ids=["kept", "nowhere to keep it"])
def test_a_loop_is_compiled_with_and_without_a_place_to_keep_it(monkeypatch, place):
    asked = []

    def njit(**how):
        asked.append(how.get("cache", False))
        if how.get("cache") and not place:
            raise RuntimeError("cannot cache function: no locator available")
        return numba.njit(**{**how, "cache": False})

    monkeypatch.setattr(loops, "njit", njit)
    compiled, out = loops.loops(double), np.zeros(3)
    compiled(np.array([1.0, 2.0, np.nan]), out)
    assert out[:2].tolist() == [2.0, 4.0]
    assert np.isnan(out[2])
    assert asked == ([True] if place else [True, False])
