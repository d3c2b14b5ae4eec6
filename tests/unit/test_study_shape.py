"""Whether a curve rises and falls, and what the data of a study fix."""

import numpy as np
import pandas as pd
import pytest

from engine import api
from engine.studies.facts import data_facts
from engine.studies.shape import shape

LAMS = (0.0, 1.0, 4.0, 16.0)


def frame(means, noise=0.001, seeds=5, metric="test_clean_auc") -> pd.DataFrame:
    """A curve with a shift that a seed's values share, and noise of their own."""
    rng = np.random.default_rng(0)
    rows = []
    for seed in range(seeds):
        shared = rng.normal(0, 0.05)
        for x, mean in zip(LAMS, means, strict=True):
            value = mean + shared + rng.normal(0, noise)
            rows.append(
                {"series": "ips", "x": x, "seed": seed, "source": "measured", metric: value}
            )
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("means", "kind", "peak"),
    [
        ((0.70, 0.75, 0.80, 0.72), "rises_then_falls", 4.0),
        ((0.70, 0.75, 0.80, 0.85), "rises", 16.0),
        ((0.85, 0.80, 0.75, 0.70), "falls", 0.0),
        ((0.70, 0.70, 0.70, 0.70), "flat", None),
    ],
)
def test_the_shape_of_a_curve_is_judged_against_paired_noise(means, kind, peak) -> None:
    found = shape(frame(means), "ips", "test_clean_auc")
    assert found.kind == kind
    assert (found.first, found.last, found.seeds) == (0.0, 16.0, 5)
    if peak is not None:
        assert found.peak == peak


def test_a_metric_where_less_is_better_is_turned_over() -> None:
    found = shape(frame((0.30, 0.20, 0.10, 0.20), metric="test_clean_mse"), "ips", "test_clean_mse")
    assert (found.kind, found.peak) == ("rises_then_falls", 4.0)
    assert found.rise[0] == pytest.approx(0.2, abs=0.01)


def test_intervals_allow_for_every_comparison_and_are_paired() -> None:
    table = frame((0.70, 0.75, 0.80, 0.72))
    found = shape(table, "ips", "test_clean_auc")
    wide = table.pivot(index="seed", columns="x", values="test_clean_auc")
    plain = api.gain(table, "test_clean_auc", ("ips", 4.0), ("ips", 0.0))
    assert found.rise[0] == pytest.approx((wide[4.0] - wide[0.0]).mean()) == pytest.approx(plain[0])
    assert found.rise[1] < plain[1] < plain[2] < found.rise[2]
    assert found.resolvable < 0.02  # what seeds share, 0.05, drops out


def test_noise_hides_a_small_rise_and_one_seed_tells_nothing() -> None:
    small = frame((0.700, 0.701, 0.702, 0.701), noise=0.01)
    found = shape(small, "ips", "test_clean_auc")
    assert found.kind == "flat"
    assert found.resolvable > 0.002
    assert shape(frame((0.7, 0.75, 0.8, 0.72), seeds=1), "ips", "test_clean_auc").kind == "unknown"


def test_without_two_complete_values_there_is_no_shape() -> None:
    table = frame((0.70, 0.75, 0.80, 0.72))
    table.loc[table["x"] > 0, "test_clean_auc"] = np.nan
    assert shape(table, "ips", "test_clean_auc") is None
    assert shape(table.assign(source=""), "ips", "test_clean_auc") is None


def test_the_data_fix_counts_and_what_chance_scores() -> None:
    plan = api.make_plan("uniform", "simulated-small", seeds=range(2), values=(0.01, 0.05))
    facts = data_facts(plan)
    assert facts.n_random == 4_000
    assert facts.uniform == {0.01: 40, 0.05: 200}
    assert facts.chance["test_auc"] == facts.chance["test_clean_auc"] == 0.5
    assert 0.2 < facts.chance["test_clean_ndcg5"] < facts.chance["test_clean_ndcg10"] < 0.6


def test_chance_agrees_with_a_random_scorer() -> None:
    from engine.datasets import load
    from engine.datasets.splits import make_split
    from engine.metrics import ndcg

    plan = api.make_plan("lambda", "simulated-small", seeds=(3,), values=(0.0,), methods=("ips",))
    config = next(plan.cells()).config
    ratings = load(config)
    pairs = ratings.random.take(make_split(ratings, 3).test_clean)
    rng = np.random.default_rng(0)
    label = ratings.label(pairs)
    drawn = [ndcg(pairs.user, label, rng.random(len(label)), 5) for _ in range(200)]
    assert data_facts(plan).chance["test_clean_ndcg5"] == pytest.approx(np.mean(drawn), abs=0.005)
