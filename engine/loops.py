"""Loops over numbers, compiled by numba for the processor they run on, and kept on disk.

Where tensor or array operations would go over the numbers again and again, or copy them first.
Loading numba takes a fifth of a second, so what has to start fast asks for it when it is needed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from numba import njit

F = TypeVar("F", bound=Callable[..., Any])

# Sums may be taken in any order; what is not a number stays so.
HOW: dict[str, Any] = {"nogil": True, "fastmath": {"reassoc", "contract", "arcp", "nsz"}}


def loops(function: F) -> F:
    """The function compiled, at its first call with arrays of such types.

    Compiled code is kept beside the source, or in the user's cache; where neither can be written
    it is compiled anew by every process, which takes a second or two.
    """
    try:
        compiled = njit(cache=True, **HOW)(function)
    except RuntimeError:  # numba's own of a cache that has no place
        compiled = njit(**HOW)(function)
    found: F = compiled
    return found
