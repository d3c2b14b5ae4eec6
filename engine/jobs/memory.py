"""How the C library hands memory out: a setting that large blocks profit from."""

from __future__ import annotations

import ctypes
import platform

MMAP_THRESHOLD, TRIM_THRESHOLD = -3, -1  # glibc's names for its settings (mallopt(3))
MOST = 2**30
USUAL = {MMAP_THRESHOLD: 32 * 2**20, TRIM_THRESHOLD: 64 * 2**20}  # where glibc's own rule ends


def keep_buffers(keep: bool, most: int = MOST) -> None:
    """Whether freed memory stays with the process, to be used again without being faulted in anew.

    A step on a large block allocates some hundred buffers of 10 MB and frees them; each costs as
    much in page faults as in arithmetic if the system takes it back in between. Larger blocks than
    `most` bytes go back all the same: kept, a freed one is just too small for the next one of its
    size, which has to be aligned, and so they pile up. Without effect where the C library is not
    glibc.
    """
    if platform.libc_ver()[0] != "glibc":
        return
    libc = ctypes.CDLL(None)
    kept = {MMAP_THRESHOLD: most, TRIM_THRESHOLD: MOST}
    for name, size in (kept if keep else USUAL).items():
        libc.mallopt(name, size)
    if not keep:
        give_back()


def give_back() -> None:
    """Give freed memory back to the system now, what a beginning has needed and nothing after."""
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).malloc_trim(0)
