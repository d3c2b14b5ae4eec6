"""How the C library hands memory out: a setting that large blocks profit from."""

from __future__ import annotations

import ctypes
import platform

MMAP_THRESHOLD, TRIM_THRESHOLD = -3, -1  # glibc's names for its settings (mallopt(3))
MOST = 2**30
USUAL = {MMAP_THRESHOLD: 32 * 2**20, TRIM_THRESHOLD: 64 * 2**20}  # where glibc's own rule ends


def keep_buffers(keep: bool) -> None:
    """Whether freed memory stays with the process, to be used again without being faulted in anew.

    A step on a large block allocates some hundred buffers of 10 MB and frees them; each costs as
    much in page faults as in arithmetic if the system takes it back in between. Without effect
    where the C library is not glibc.
    """
    if platform.libc_ver()[0] != "glibc":
        return
    libc = ctypes.CDLL(None)
    for name, usual in USUAL.items():
        libc.mallopt(name, MOST if keep else usual)
    if not keep:
        give_back()


def give_back() -> None:
    """Give freed memory back to the system now, what a beginning has needed and nothing after."""
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).malloc_trim(0)
