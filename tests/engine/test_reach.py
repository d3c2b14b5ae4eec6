"""A constraint out of reach: with what range, in how many epochs, and what is said of it."""

from dataclasses import astuple
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from played import leave_at, real
from played import train as train_claimed
from small_runs import make, tiny, train
from typer.testing import CliRunner

from engine import api
from engine.cli.app import app
from engine.config import make_config
from engine.errors import StoreError
from engine.events import REACH
from engine.exact import solve_exact
from engine.jobs.local import train_here
from engine.reach import reach_of
from engine.store.database import Store
from engine.store.reaches import COLUMNS
from engine.studies.counted import feasible

# p = 1 of every pair: s e is far below the mean error over U, until theta has fitted little of it.
NEVER = {"balance": "exact", "constraint": "hard", "p_min": 1.0, "ess_floor": 0.0}


def test_the_gap_of_a_target_is_how_far_it_lies_outside():
    x = np.array([[0.0, 1.0], [2.0, 3.0]])
    found = solve_exact([x], [0.5], [1.25, 1.0])
    np.testing.assert_allclose(found.attainable, [[0.0, 1.0], [0.5, 1.5]])
    np.testing.assert_allclose(found.gap, [0.25, -0.5])
    assert not found.feasible


@pytest.mark.parametrize("constraint", ["hard", "tolerance", "penalised"])
def test_an_epoch_tells_what_weights_can_attain(constraint):
    """s min x and s max x with x = e / p at that epoch's model, of the runs that end there."""
    how = {"constraint": constraint, "tolerance": 0.1, "best_after": 1}
    config = make("ips", **(NEVER | how), epochs=2)
    rows, done = train(config)
    row, held = rows["run0", 2], done["run0"].arrays
    assert row.exact_feasible == float(constraint == "penalised")
    theta = held["theta.P"], held["theta.Q"]
    biased, label = tiny().biased, tiny().label(tiny().biased)
    score = (theta[0][biased.user] * theta[1][biased.item]).sum(1) + held["theta.mu"]
    score += held["theta.b"][biased.user] + held["theta.c"][biased.item]
    x = tiny().density * (score - label) ** 2
    assert done["run0"].best_epoch == 2
    assert (row.reach_low, row.reach_high) == pytest.approx((x.min(), x.max()))
    assert row.reach_target == pytest.approx(row.target)
    assert row.reach_target > row.reach_high
    assert row.reach_moment == 0
    assert row.as_json()["reach"]["moment"] == "e"
    assert done["run0"].facts["reach_high"] < done["run0"].facts["reach_target"]


def test_of_a_constraint_that_can_be_met_nothing_is_told():
    rows, done = train(make("ips", balance="exact", constraint="hard", ess_floor=0.0))
    assert rows["run0", 3].exact_feasible == 1
    assert rows["run0", 3].reach is None
    assert not set(REACH) & set(done["run0"].facts)


def test_a_tolerance_that_spans_the_gap_asks_for_nothing_out_of_reach():
    rows, _ = train(make("ips", **{**NEVER, "constraint": "tolerance"}, tolerance=10.0))
    row = rows["run0", 3]
    assert row.exact_feasible == 1
    assert row.reach_moment is None


def test_the_moment_that_lies_farthest_outside_is_named():
    """r/p with p = 1 attains s at most, under the mean label; e/p misses its target by less."""
    rows, _ = train(make("ips", **NEVER, moments=("e", "r", "mass")))
    row = rows["run0", 3]
    assert row.as_json()["reach"]["moment"] == "mass"
    assert row.reach_low == pytest.approx(tiny().density)  # 1/p does not vary
    assert row.reach_target == pytest.approx(1)


def frame(**columns) -> pd.DataFrame:
    n = len(next(iter(columns.values())))
    told = {
        "exact_feasible": [1.0] * n,
        "exact_bound": [0.0] * n,
        **dict.fromkeys(REACH, [None] * n),
    }
    given = {"run": ["a"] * n, "epoch": range(1, n + 1), **told, **columns}
    return pd.DataFrame(given).astype(dict.fromkeys(COLUMNS, float))


HARD = make_config(balance="exact", constraint="hard", moments=("e", "r"))
BEYOND = {
    "exact_feasible": [0.0, 1.0, 0.0],
    "reach_moment": [0, None, 1],
    "reach_low": [0.03, None, 0.1],
    "reach_high": [0.14, None, 0.2],
    "reach_target": [0.157, None, 0.3],
}


def test_epochs_out_of_reach_are_counted_among_those_that_were_looked_at():
    found = reach_of(frame(**BEYOND), HARD)
    assert (found.out, found.epochs, found.counted(found.out)) == (2, 3, "2 of 3 epochs")
    assert found.why == (
        "weights on these ratings can bring the left side of r only to between 0.100 and 0.200; "
        "target 0.300 (epoch 3)"
    )
    assert "tolerance" in found.remedy


def test_the_best_epoch_is_the_example_where_it_is_one():
    found = reach_of(frame(**BEYOND), HARD, {"a": 1})
    assert found.why.startswith("weights on these ratings can bring the left side only to between")
    assert found.example.target == 0.157
    assert reach_of(frame(**BEYOND), HARD, {"a": 2}).example.epoch == 3


def test_targets_out_of_reach_together_only():
    found = reach_of(frame(exact_feasible=[0.0, 1.0]), HARD)
    assert (found.out, found.example) == (1, None)
    assert "not all of them by the same weights" in found.why


def test_the_floor_on_ess_is_told_where_it_bound():
    found = reach_of(frame(exact_bound=[1.0, 0.0, 1.0]), HARD)
    assert (found.out, found.bound) == (0, 2)
    assert "(2 %) bound in 2 of 3 epochs" in found.floor_said


def test_a_study_counts_targets_that_no_lam_reaches(tmp_path):
    """Proposition 3 of the paper is of the hard constraint; a penalty alone is always feasible."""
    store = Store(tmp_path)
    launch = train_here(store, [make("ips", p_min=1.0), make("ips")], twins=False)
    beyond, within = launch.runs
    for run, verdict, some in ((beyond, "contradicted", 0), (within, "supported", 3)):
        told = {
            "moments": "e",
            "balance": "learned",
            "lam": 4.0,
            "source": "measured",
            "run": run,
            "exact_feasible": None,
        }
        outcome = feasible(store, SimpleNamespace(frame=pd.DataFrame([told])))
        assert outcome.verdict == verdict
        assert f"in {some} of 3 epochs of 1 runs" in outcome.evidence
    store.close()


def test_of_a_launch_epochs_with_exact_weights_are_counted(home):
    launch = api.launch([make("ips", **NEVER, seed=s) for s in (0, 1)])
    told = []
    assert train_claimed(real, on_event=lambda e: told.extend(getattr(e, "runs", ()))) == "ended"
    found = api.reach(launch.all_runs)
    assert found.epochs == 6  # twins have no weights to solve for
    assert found.out == sum(row.reach is not None for row in told) > 0
    assert api.reach(list(launch.twins.values())).epochs == 0
    with pytest.raises(StoreError, match="no-such-run"):
        api.reach(["no-such-run"])


def undisturbed_reach():
    launch = api.launch([make("ips", **NEVER, epochs=6)], twins=False)
    assert train_claimed(real) == "ended"
    return api.reach(launch.runs)


def test_what_was_kept_of_later_epochs_goes_with_them_and_a_branch_takes_it_along(home):
    launch = api.launch([make("ips", **NEVER, epochs=6)], twins=False)
    assert train_claimed(real, **leave_at(3, 2)) == "queued"
    branched = api.branch(launch.id)
    for one in (launch, branched):
        assert api.reach(one.runs).epochs == 3
    assert train_claimed(real) == train_claimed(real) == "ended"
    told = api.reach(launch.runs)
    assert told.epochs == 6
    assert told.out > 3
    for other in (api.reach(branched.runs), undisturbed_reach()):
        assert (other.out, other.epochs) == (told.out, 6)
        assert astuple(other.example) == pytest.approx(astuple(told.example))


def test_the_store_keeps_it_and_the_command_says_it(tmp_path, monkeypatch):
    monkeypatch.setenv("COUNTERWEIGHT_RUNS", str(tmp_path))
    given = "--dataset simulated-small --method ips --balance exact --constraint hard --p-min 1"
    done = CliRunner().invoke(app, ["train", *given.split(), "--epochs", "3"])
    assert done.exit_code == 0, done.output
    said = " ".join(done.output.split())
    assert "constraint out of reach in 3 of 3 epochs; weights on these ratings can bring" in said
    assert "the left side only to between" in said
    assert "Try constraint tolerance or penalised" in said
    run = api.runs().iloc[0]["run"]
    kept = api.reach([run])
    assert (kept.out, kept.epochs) == (3, 3)
    assert kept.example.high < kept.example.target
