"""How the reader wants to look at the live panels: which ones, on what axes, how smooth."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from dashboard.charts.panels import FIRST

SMOOTHEST = 0.98


@dataclass(frozen=True)
class Look:
    """keys: the panels, in order. log_epochs, log_values: axes. smooth: from 0, not at all, to 1.

    Values have a log axis where it means something: losses, and the size of a violation.
    """

    keys: tuple[str, ...] = FIRST
    log_epochs: bool = False
    log_values: bool = False
    smooth: float = 0.0


AT_FIRST = Look()


def smoothed(curve: pd.Series, share: float) -> pd.Series:
    """The exponential moving average, each point's weight falling by `share` an epoch.

    Corrected for its start (as in TensorBoard), so that the first value is the first value.
    """
    if share <= 0 or curve.empty:
        return curve
    return curve.ewm(alpha=1 - min(share, SMOOTHEST), adjust=True).mean()
