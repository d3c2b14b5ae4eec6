"""Which process is which, and whether it still lives: by host, id and start time, not by clock."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass, field

import psutil

FOREIGN_SECONDS = 30.0
_HOST = socket.gethostname()


@dataclass(frozen=True)
class Process:
    """One process, told apart from a later one with the same id by its start time.

    start: seconds, since boot on Linux (where the wall clock would move it), else since 1970.
    """

    host: str
    pid: int
    start: float

    @staticmethod
    def of(pid: int) -> Process | None:
        """The living process of this machine with that id; None when there is none."""
        try:
            process = psutil.Process(pid)
            if process.status() == psutil.STATUS_ZOMBIE:
                return None
            since = psutil.boot_time() if psutil.LINUX else 0.0
            return Process(_HOST, pid, round(process.create_time() - since, 2))
        except psutil.Error:
            return None

    @staticmethod
    def here() -> Process:
        """This process."""
        me = Process.of(psutil.Process().pid)
        assert me is not None  # it is running this line
        return me

    @property
    def local(self) -> bool:
        """Whether it belongs to this machine."""
        return self.host == _HOST

    def alive(self) -> bool:
        """Whether it runs on this machine."""
        now = Process.of(self.pid) if self.local else None
        return now is not None and abs(now.start - self.start) < 0.05

    def __str__(self) -> str:
        return f"{self.pid}:{self.start!r}"

    @staticmethod
    def parse(text: str) -> Process:
        """The inverse of `str`, for this machine."""
        pid, _, start = text.partition(":")
        return Process(_HOST, int(pid), float(start))


@dataclass
class Watch:
    """Tells the dead from the living, also under another host name (a container made anew).

    A local process is asked for. One of another host counts as dead when its heartbeat has stood
    still for FOREIGN_SECONDS of this process's own monotonic clock.
    """

    _seen: dict[Process, tuple[int, float]] = field(default_factory=dict)

    def dead(self, process: Process, beat: int) -> bool:
        """Whether `process`, whose heartbeat counter stands at `beat`, is gone."""
        if process.local:
            return not process.alive()
        now = time.monotonic()
        last, since = self._seen.setdefault(process, (beat, now))
        if last != beat:
            self._seen[process] = (beat, now)
            return False
        return now - since > FOREIGN_SECONDS
