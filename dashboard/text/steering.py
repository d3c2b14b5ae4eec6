"""What the pages of studies say alike: what Start does, how long training takes."""

from __future__ import annotations

from dashboard.text.lab import duration

NONE_HERE = "None of these data sets is installed."
MEANWHILE = {
    "active": "It trains on when this page is closed.",
    "paused": "Resume goes on where it was paused.",
}
NO_WORKER = "No worker is running: python -m engine worker"


def start(measured: int, missing: int) -> str:
    """What the button says."""
    if measured and not missing:
        return "Complete"
    return f"Train {missing:,} more" if measured else "Start"


def wall(estimate: tuple[float, bool], workers: int) -> str:
    """ ", about 6 min on 2 cores"; estimate: seconds of one core, and whether all was timed."""
    seconds, known = estimate
    if not seconds:
        return ", nothing like them was timed yet"
    n = max(1, workers)
    cores = "1 core" if n == 1 else f"{n} cores"
    return f", {'about' if known else 'more than'} {duration(seconds / n)} on {cores}"


def left(estimate: tuple[float, bool], workers: int) -> str:
    """ ", about 30 s left", or that nobody trains; estimate: as for `wall`."""
    if not workers:
        return f". {NO_WORKER}"
    seconds, known = estimate
    if not seconds:
        return ""
    return f", {'about' if known else 'more than'} {duration(seconds / workers)} left"
