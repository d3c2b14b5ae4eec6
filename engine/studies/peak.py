"""Where a curve over lam has its best value, and how sure that is: the seeds resampled."""

from __future__ import annotations

import numpy as np
import pandas as pd

from engine.studies.families import PEAK, RANKING, lam_text
from engine.studies.named import PAPER_LAMS
from engine.studies.running import Study

DRAWS = 2000


def peak_shares(frame: pd.DataFrame, series: str, metric: str) -> pd.Series[float] | None:
    """lam -> share of resamplings of the seeds in which its mean is the best of the paper's grid.

    Args:
        metric: a column where more is better. Only seeds with every lam count.

    Returns:
        None with fewer than two such seeds.
    """
    own = frame[(frame["series"] == series) & frame["x"].isin(PAPER_LAMS) & (frame["source"] != "")]
    table = own.pivot_table(index="seed", columns="x", values=metric)
    if len(table.columns) < len(PAPER_LAMS):
        return None
    values = table.dropna().to_numpy(dtype=float)
    n = len(values)
    if n < 2:
        return None
    drawn = np.random.default_rng(0).integers(0, n, size=(DRAWS, n))
    best = values[drawn].mean(axis=1).argmax(axis=1)
    shares = np.bincount(best, minlength=len(PAPER_LAMS)) / DRAWS
    return pd.Series(shares, index=sorted(PAPER_LAMS))


def peak_sentence(study: Study) -> str:
    """In what share of resamplings the best lam is the paper's, curve by curve; "" if unknown."""
    found = [
        shares
        for series in study.plan.series
        for metric in RANKING
        if (shares := peak_shares(study.frame, series.key, f"test_clean_{metric}")) is not None
    ]
    if not found:
        return ""
    here = sorted(float(shares[PEAK]) for shares in found)
    usual = pd.concat(found, axis=1).mean(axis=1)
    often = float(usual.index.to_numpy(dtype=float)[int(usual.to_numpy().argmax())])
    return (
        f"With the seeds resampled, the best λ of the paper's grid is 2⁻⁶ in {100 * here[0]:.0f} % "
        f"to {100 * here[-1]:.0f} % of draws, curve by curve; most often it is {lam_text(often)} "
        f"({100 * float(usual[often]):.0f} % over {len(found)} curves)."
    )
