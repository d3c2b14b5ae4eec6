"""Loops over numbers, compiled by numba for the processor they run on, and kept on disk.

Where tensor or array operations would go over the numbers again and again, or copy them first.
Loading numba takes a fifth of a second, so what has to start fast asks for it when it is needed.
"""

from __future__ import annotations

from numba import njit

# Sums may be taken in any order; what is not a number stays so.
loops = njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "arcp", "nsz"})
