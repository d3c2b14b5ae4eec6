"""A store with the runs of a study in it, made up: no training, every number smooth and known."""

import json
import math

import numpy as np

from engine import api
from engine.events import METRICS
from engine.store.launches import create_launch

PEAK = 4.0  # lam at which the made-up AUC is best


def numbers(config: api.RunConfig) -> dict:
    """Results of one made-up run: AUC rises to lam = PEAK and falls after it."""
    rng = np.random.default_rng([config.seed, len(config.method)])
    shared = rng.normal(0, 0.004)
    away = abs(math.log2(config.lam) - math.log2(PEAK)) if config.lam else 9.0
    size = 0.02 * math.log(config.uniform_fraction / 0.001) / math.log(100)
    own = np.random.default_rng([config.seed, int(away * 8), len(config.method)])
    auc = 0.70 + 0.03 * math.exp(-away / 3) + size + shared + own.normal(0, 0.0004)
    metrics = {"auc": auc, "ndcg5": auc - 0.2, "ndcg10": auc - 0.1}
    metrics |= {"mse": 0.9 - auc, "log_loss": 1.3 - auc}
    assert metrics.keys() == set(METRICS)
    violation = 0.05 / (1 + config.lam)
    facts = {"violation": violation, "violation_uniform": 0.05, "target_se": 0.01, "ess": 0.97}
    return {
        **dict.fromkeys(("validation", "test_clean"), metrics),
        "test": {name: value + 0.03 for name, value in metrics.items()},
        "true_loss": 0.9 - auc,
        "facts": facts | {"n_uniform": int(4_000 * config.uniform_fraction)},
    }


def fill(
    plan: api.Plan, cells: int | None = None, state: str = "finished", error: str = ""
) -> None:
    """Give the first `cells` cells of a plan ended runs, all where it is None."""
    store = api.open_runs()
    configs = [cell.config for cell in plan.cells()][:cells]
    launch = create_launch(store, configs, twins=False, priority="study", token=None)
    rows = [
        (
            state,
            json.dumps(numbers(config) if state == "finished" else {}),
            error or None,
            run,
        )
        for run, config in zip(launch.runs, configs, strict=True)
    ]
    with store.transaction() as db:
        db.execute("UPDATE groups SET state = 'ended' WHERE launch = ?", (launch.id,))
        db.executemany(
            "UPDATE runs SET state = ?, results = ?, error = ?, best_epoch = 5, epochs_done = 10, "
            "epoch_seconds = 0.02, settled = 1, ended = created WHERE id = ?",
            rows,
        )
