"""Studies with made-up results, for tests of what is said about them."""

import pandas as pd

from engine.events import METRICS
from engine.studies.plan import Plan
from engine.studies.running import Study


def study_of(plan: Plan, values: dict, source: str = "measured", state: str = "ended") -> Study:
    """A study with results as given.

    values: (series key, x) -> metric column -> one value a seed; None for a run without a result.
    Cells of other places have none.
    """
    rows = []
    for cell in plan.cells():
        own = values.get((cell.series.key, cell.x), {})
        place = plan.seeds.index(cell.seed)
        told = {name: column[place] for name, column in own.items()}
        known = any(value is not None for value in told.values())
        rows.append(
            {
                "series": cell.series.key,
                "label": cell.series.label,
                "x": cell.x,
                "seed": cell.seed,
                "run": f"r{cell.series.key}{cell.x}{cell.seed}" if known else "",
                "state": "finished" if known else "missing",
                "source": source if known else "",
                "key": f"{cell.series.key}-{cell.x}-{cell.seed}",
                "moments": ",".join(cell.config.moments) if cell.config.balanced else "",
                "balance": cell.config.balance,
                "lam": cell.config.lam,
                **told,
            }
        )
    frame = pd.DataFrame(rows)
    for part in ("test", "test_clean"):
        for metric in METRICS:
            name = f"{part}_{metric}"
            frame[name] = frame[name].astype("float64") if name in frame else float("nan")
    for name in ("true_loss", "exact_feasible"):
        frame[name] = frame[name].astype("float64") if name in frame else float("nan")
    return Study(plan, state, frame)
