"""What stands under the charts once a launch has ended: the table, the files, the command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from dashboard.charts.theme import decimals_for
from dashboard.verdict import Interval, compare, interval

METRICS = {
    "auc": ("AUC", False),
    "ndcg5": ("NDCG@5", False),
    "ndcg10": ("NDCG@10", False),
    "mse": ("MSE", True),
    "log_loss": ("Log loss", True),
}
PARTS = {"test_clean": "Test, pairs also rated in training dropped", "test": "Test, as published"}


def table(
    runs: pd.DataFrame, ids: Sequence[str], twins: Mapping[str, str], part: str
) -> pd.DataFrame:
    """Metrics down; run, twin and their paired difference across, as mean ± 95 % interval.

    Args:
        runs: a row a run, indexed by run id. ids: the runs asked for. twins: run -> twin.
        part: "test", "test_clean", or "truth" for the true ideal loss.
    """
    wanted = [(f"{part}_{key}", name, low) for key, (name, low) in METRICS.items()]
    if part == "truth":
        wanted = [("true_loss", "True ideal loss", True)]
    rows = []
    for column, name, lower in wanted:
        if column not in runs or runs[column].isna().all():
            continue
        mine = interval(list(runs.loc[list(ids), column]))
        if not twins:
            rows.append({"Metric": name, "Run": mine.text(decimals(mine))})
            continue
        kept = [run for run in ids if run in twins]
        paired = runs.loc[kept, column].to_numpy(dtype=float)
        others = runs.loc[[twins[run] for run in kept], column].to_numpy(dtype=float)
        twin, difference = interval(list(others)), interval(list(paired - others))
        digits = decimals(mine, twin, difference)
        rows.append(
            {
                "Metric": name,
                "Run": mine.text(digits),
                "Twin": twin.text(digits),
                "Run − twin": difference.text(digits, signed=True),
                "So the run is": compare(difference, lower),
            }
        )
    return pd.DataFrame(rows)


def decimals(*shown: Interval) -> int:
    """One number of decimals for a row: two digits of its widest interval."""
    return decimals_for(max((one.half or 0.0) for one in shown))


def as_markdown(frame: pd.DataFrame) -> str:
    """A small table for `st.markdown`, numbers to the right."""
    if frame.empty:
        return ""
    head = "| " + " | ".join(frame.columns) + " |"
    rule = "|" + "|".join(":--" if k in (0, 4) else "--:" for k in range(frame.shape[1])) + "|"
    body = ["| " + " | ".join(map(str, row)) + " |" for row in frame.to_numpy()]
    return "\n".join([head, rule, *body])
