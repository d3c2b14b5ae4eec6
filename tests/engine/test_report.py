"""The report on one data set: which systems it trains, and what a row tells of them."""

import json

import pandas as pd
import pytest
from typer.testing import CliRunner

from engine import report
from engine.cli import report as command
from engine.cli.app import app
from engine.errors import ConfigError
from engine.store.database import Store
from engine.studies import make_plan
from engine.studies.cells import COLUMNS

BRIEF = {"epochs": 2, "d": 3}


def rows_of(home, **chosen):
    store = Store(home)
    try:
        return list(report.report(store, "simulated-small", 2, **chosen, **BRIEF))
    finally:
        store.close()


def test_exact_rows_come_once_for_every_constraint(tmp_path):
    rows = rows_of(tmp_path, methods=("ips",), constraints=("penalised", "tolerance", "hard"))
    found = {(row.balance, row.constraint, row.moments) for row in rows}
    for moments in (("e",), ("e", "r")):
        for constraint in ("penalised", "tolerance", "hard"):
            assert ("exact", constraint, moments) in found
        assert ("learned", None, moments) in found
    assert {(row.balance, row.constraint) for row in rows if row.moments is None} == {
        ("none", None),
        ("oracle", None),
    }
    left = {row.constraint: row for row in rows if row.metric == "violation"}
    for constraint, row in left.items():
        if constraint is not None:
            assert row.config["constraint"] == constraint
    losses = {
        (row.constraint, row.mean)
        for row in rows
        if row.metric == "true_loss" and row.balance == "exact" and row.moments == ("e",)
    }
    assert len({mean for _, mean in losses}) == 3  # three systems, not one thrice


def test_only_the_ways_to_balance_that_are_asked_for(tmp_path):
    rows = rows_of(tmp_path, methods=("mf",), balances=("exact",), constraints=("tolerance",))
    assert {(row.balance, row.constraint) for row in rows} == {
        ("none", None),
        ("exact", "tolerance"),
    }
    gains = [row for row in rows if row.metric == "true_loss" and row.balance == "exact"]
    assert all(row.gain is not None and row.seeds == 2 for row in gains)


def test_residuals_are_those_of_balanced_rows(tmp_path):
    kinds = ("in_sample", "held_out")
    rows = rows_of(tmp_path, methods=("ips",), residuals=kinds)
    found = {(row.balance, row.residuals) for row in rows if row.residuals}
    assert found == {(balance, kind) for balance in ("learned", "exact") for kind in kinds}


@pytest.mark.parametrize(
    ("chosen", "field"),
    [
        ({"balances": ("lerned",)}, "balance"),
        ({"constraints": ("met",)}, "constraint"),
        ({"residuals": ("fresh",)}, "residuals"),
    ],
)
def test_what_there_is_not_is_refused_before_anything_trains(tmp_path, chosen, field):
    with pytest.raises(ConfigError, match=f"^{field}: got '{next(iter(chosen.values()))[0]}'"):
        rows_of(tmp_path, methods=("ips",), **chosen)


def of_frozen(rows):
    return {(row.balance, row.metric): row for row in rows if row.metric.startswith("frozen_error")}


def test_errors_on_frozen_predictors_are_paired_with_those_of_the_plain_mean_over_u():
    """By hand: differences -.001, .001, .003 have mean .001 and sd .002; t_2(.975) = 4.3027.

    Half the interval is 4.3027 * .002 / sqrt(3) = .004968. Unpaired, the seeds' own .010, .030,
    .050 would hide it.
    """
    forms = (("exact", ("e",)),)
    plan = make_plan("table2", "simulated-small", seeds=range(3), methods=("ips",), forms=forms)
    exact = next(series for series in plan.series if series.config.balance == "exact")
    told = {
        "frozen_error": [0.009, 0.031, 0.053],
        "frozen_error_uniform": [0.011, 0.032, 0.053],
        "frozen_error_u_mean": [0.010, 0.030, 0.050],
    }
    known = {"series": exact.key, "source": "measured", "seed": range(3), **told}
    cells = pd.DataFrame(known).reindex(columns=COLUMNS)
    found = of_frozen(report._rows(plan, exact, cells))
    assert found["exact", "frozen_error"].against_u == pytest.approx(
        (0.001, 0.001 - 0.004968, 0.001 + 0.004968), abs=1e-6
    )
    assert found["exact", "frozen_error_uniform"].against_u[0] == pytest.approx(0.002)
    assert found["exact", "frozen_error_u_mean"].against_u is None


def test_the_report_says_whether_an_estimate_beats_the_few_unbiased_ratings(tmp_path, capsys):
    rows = rows_of(tmp_path, methods=("ips",), balances=("exact",), moments=(("e", "r"),))
    found = of_frozen(rows)
    means = {balance: found[balance, "frozen_error_u_mean"].mean for balance, _ in found}
    assert set(means) == {"none", "oracle", "exact"}
    assert means["none"] == means["oracle"] == means["exact"]  # U's own, whatever was trained
    for balance, mean in means.items():
        row = found[balance, "frozen_error"]
        gain, low, high = row.against_u
        assert gain == pytest.approx(row.mean - mean)
        assert low < gain < high
    assert all(row.against_u is None for row in rows if row.metric not in report.AGAINST_U)
    command._print(rows)
    printed = capsys.readouterr().out
    assert "these errors minus that of the plain mean over U" in printed
    gain, low, high = found["exact", "frozen_error"].against_u
    assert f"{gain:+.4f} ({low:+.4f} to {high:+.4f})" in printed


def test_the_command_takes_ways_to_balance_and_constraints(tmp_path, monkeypatch):
    """The figure on tolerance in DEVIATIONS.md, on the smallest data and a seed."""
    monkeypatch.setenv("COUNTERWEIGHT_RUNS", str(tmp_path))
    given = "report simulated-small --seeds 1 --methods ips --balance exact --constraint tolerance"
    given += " --moments e,r,mass"
    done = CliRunner().invoke(app, [*given.split(), "--json"])
    assert done.exit_code == 0, done.output
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    exact = [row for row in rows if row["balance"] == "exact"]
    assert {row["constraint"] for row in exact} == {"tolerance"}
    assert {tuple(row["moments"]) for row in exact} == {("e", "r", "mass")}
    assert {"true_loss", "violation"} <= {row["metric"] for row in exact}
