"""The verdict on hand-made numbers: three findings that are never mixed up."""

import pandas as pd
import pytest

from dashboard import forms
from dashboard.results import as_markdown, table
from dashboard.verdict import Outcome, compare, interval, outcome_of, verdict
from engine import api
from engine.presets import preset
from engine.reach import Example


def outcome(**changes: object) -> Outcome:
    given = {
        "violation": [-0.001, 0.001, 0.002],
        "violation_uniform": [-0.04, -0.05, -0.045],
        "target_se": [0.013, 0.013, 0.013],
        "differences": {"true ideal loss": [-0.001, 0.002, -0.0005]},
        "correlation": [0.04, 0.05, 0.06],
        "config": preset("simulated-small", "ips", lam=8.0),
    }
    return Outcome(**(given | changes))


def said(found: object) -> dict[str, str]:
    return {part.about: part.finding for part in found.parts}


def test_constraint_met_predictor_no_better_weights_unlike() -> None:
    found = verdict(outcome())
    assert said(found) == {
        "Constraint": "met",
        "Predictor": "no better",
        "Weights": "unlike the oracle's",
    }
    assert found.next.changes == {"moments": "e,r"}
    assert "−0.045 → 0.001" in str(found)


def test_better_needs_an_interval_clear_of_nought() -> None:
    better = verdict(outcome(differences={"true ideal loss": [-0.05, -0.06, -0.055]}))
    assert said(better)["Predictor"] == "better"
    assert better.next.name == "Balance the label too"
    worse = verdict(outcome(differences={"true ideal loss": [0.05, 0.06, 0.055]}))
    assert said(worse)["Predictor"] == "worse"
    assert worse.next.name == "Balance the label too"


def test_constraint_not_met_and_nothing_to_balance() -> None:
    left = verdict(outcome(violation=[-0.03, -0.03, -0.03], violation_uniform=[-0.06] * 3))
    assert said(left)["Constraint"] == "not met, 50 % left"
    small = verdict(outcome(violation_uniform=[0.01, -0.01, 0.01]))
    assert said(small)["Constraint"] == "nothing to balance"


def advised(config: dict, **changes: object) -> dict[str, str] | None:
    found = verdict(outcome(config=preset("simulated-small", "ips", **config), **changes)).next
    return None if found is None else dict(found.changes)


LEFT = {"violation": [-0.03] * 3, "violation_uniform": [-0.06] * 3}
BOTH = {"moments": ("e", "r"), "lam": 4.0}


def test_what_to_try_next_follows_from_what_was_found() -> None:
    small = {"violation_uniform": [0.01, -0.01, 0.01]}
    assert advised(BOTH, **LEFT) == {"lam": "64"}
    assert advised({**BOTH, "lam": 60000.0}, **LEFT) == {"lam": "65536"}
    exact = {**BOTH, "balance": "exact", "constraint": "hard"}
    assert advised(exact, **LEFT) == {"residuals": "cross_fitted"}
    assert advised(BOTH) == {"residuals": "cross_fitted"}
    assert advised({**BOTH, "residuals": "cross_fitted"}) is None
    assert advised({}, **small, ess_estimate=[0.9]) == {"residuals": "cross_fitted"}
    assert advised({"confounding": "none"}, **small) == {"confounding": "strong"}
    assert advised({"lam": 32.0}, ess_estimate=[0.05, 0.1]) == {"lam": "2"}
    sign = {"weights_model": "mf", "entropy_sign": "minimise"}
    assert advised(sign, ess_estimate=[0.01]) == {"entropy_sign": "maximise"}


def reached(exact: bool, out: int = 12, bound: int = 0) -> api.Reach:
    how = {"balance": "exact", "constraint": "hard"} if exact else {}
    config = preset("simulated-small", "ips", lam=8.0, **how)
    found = Example(epoch=23, moment="e", low=0.031, high=0.142, target=0.157) if out else None
    return api.Reach(epochs=40, out=out, bound=bound, config=config, example=found)


def test_a_constraint_out_of_reach_is_told_with_what_weights_can_attain() -> None:
    reach = reached(exact=True)
    found = verdict(outcome(**LEFT, reach=reach, config=reach.config))
    assert said(found)["Constraint"] == "out of reach in 12 of 40 epochs"
    assert found.parts[0].detail.endswith(
        "weights on these ratings can bring the left side only to between 0.031 and 0.142; "
        "target 0.157 (epoch 23)"
    )
    assert found.parts[0].good is False
    assert found.next.changes == {"constraint": "penalised"}
    met = verdict(outcome(reach=reach, config=reach.config)).parts[0]
    assert (met.finding, met.good) == ("met", True)  # at the best epochs
    assert met.detail.endswith("; out of reach in 12 of 40 epochs")


def test_no_larger_lam_is_advised_where_none_reaches_the_target() -> None:
    both = {"moments": ("e", "r"), "lam": 4.0}
    config = preset("simulated-small", "ips", **both)
    assert verdict(outcome(**LEFT, config=config)).next.changes == {"lam": "64"}
    found = verdict(outcome(**LEFT, config=config, reach=reached(exact=False)))
    assert found.next.changes == {"residuals": "cross_fitted"}


def test_a_floor_on_ess_that_bound_is_told() -> None:
    reach = reached(exact=True, out=0, bound=3)
    found = verdict(outcome(**LEFT, reach=reach, config=reach.config))
    assert said(found)["Constraint"] == "not met, 50 % left"
    assert "; the floor on ESS (2 %) bound in 3 of 40 epochs" in str(found)


def test_every_advice_makes_a_config_that_the_form_takes(fake: object) -> None:
    for changes in (
        {"lam": "64"},
        {"moments": "e,r"},
        {"residuals": "cross_fitted"},
        {"balance": "exact", "constraint": "penalised"},
    ):
        form = forms.form_of(
            {"lam": "4"} | changes, known=("simulated-small",), lam_half=lambda config: 1.0
        )
        assert not form.errors


def test_a_high_ess_is_never_good_news_and_a_low_one_is_bad() -> None:
    def weights(**changes: object) -> object:
        return next(p for p in verdict(outcome(**changes)).parts if p.about == "Weights")

    high = weights(ess_estimate=[0.98, 0.99, 0.97])
    assert (high.good, high.finding) == (None, "unlike the oracle's")
    assert "ESS 98 % of w/p" in high.detail
    low = weights(ess_estimate=[0.02, 0.1, 0.05])
    assert (low.good, low.finding) == (False, "resting on few ratings, unlike the oracle's")
    real = weights(correlation=[], ess_estimate=[0.98] * 3)
    assert (real.good, real.finding) == (None, "no oracle to compare with")


def test_violations_of_unseen_ratings_are_said_beside_those_in_sample() -> None:
    found = verdict(outcome(in_sample=[-0.02, -0.02, -0.02]))
    assert "0.001 on ratings unseen (−0.020 in-sample), target ± 0.013" in found.parts[0].detail
    assert "unseen" not in verdict(outcome()).parts[0].detail


def test_violations_of_opposite_sign_do_not_cancel_to_a_met_constraint() -> None:
    found = verdict(outcome(violation=[-0.05, 0.05, 0.0], violation_uniform=[0.06, 0.06, 0.06]))
    assert said(found)["Constraint"].startswith("not met")


def test_real_data_speaks_of_mse_and_auc_and_of_no_oracle() -> None:
    differences = {"MSE": [-0.02, -0.021, -0.022], "AUC": [0.001, -0.001, 0.0005]}
    found = verdict(outcome(differences=differences, correlation=[]))
    assert said(found) == {"Constraint": "met", "Predictor": "better in MSE only"}
    mixed = {"MSE": [-0.02, -0.021, -0.022], "AUC": [-0.02, -0.021, -0.022]}
    assert said(verdict(outcome(differences=mixed)))["Predictor"] == "mixed: MSE better; AUC worse"


def test_one_seed_is_undecided() -> None:
    found = verdict(outcome(differences={"true ideal loss": [-0.05]}))
    assert said(found)["Predictor"] == "undecided"


def test_interval_by_hand() -> None:
    # mean 2, sd 1, n 3: t(0.975, 2) = 4.3027; 4.3027 / sqrt(3) = 2.4841
    found = interval([1.0, 2.0, 3.0])
    assert (found.mean, found.n) == (2.0, 3)
    assert found.half == pytest.approx(2.4841, abs=1e-4)
    assert interval([1.0, float("nan")]).half is None
    assert compare(interval([]), True) == "undecided"
    assert compare(interval([0.0, 0.0]), True) == "no better"


def frames() -> tuple[pd.DataFrame, pd.DataFrame]:
    runs = pd.DataFrame(
        {
            "run": ["a", "b", "at", "bt"],
            "best_epoch": [2, 1, 1, 1],
            "true_loss": [0.15, 0.16, 0.17, 0.18],
            "test_auc": [0.75, 0.76, 0.74, 0.74],
        }
    ).set_index("run")
    epochs = pd.DataFrame(
        {
            "run": ["a", "a", "b", "b"],
            "epoch": [1, 2, 1, 2],
            "violation": [0.1, 0.2, 0.3, 0.4],
            "violation_uniform": [1.1, 1.2, 1.3, 1.4],
            "target_se": [0.01] * 4,
            "oracle_correlation": [0.5, 0.6, 0.7, 0.8],
        }
    )
    return runs, epochs


def test_outcome_reads_each_run_at_its_own_best_epoch() -> None:
    runs, epochs = frames()
    found = outcome_of(runs, epochs, {"a": "at", "b": "bt"})
    assert list(found.violation) == [0.2, 0.3]
    assert list(found.correlation) == [0.6, 0.7]
    assert found.differences["true ideal loss"] == pytest.approx([-0.02, -0.02])


def test_a_run_without_a_best_epoch_is_left_out() -> None:
    runs, epochs = frames()
    runs.loc["b", "best_epoch"] = None
    found = outcome_of(runs, epochs, {"a": "at", "b": "bt"})
    assert list(found.violation) == [0.2]


def test_table_pairs_seed_by_seed_in_equal_decimals() -> None:
    runs, _ = frames()
    frame = table(runs, ["a", "b"], {"a": "at", "b": "bt"}, "test")
    assert list(frame["Metric"]) == ["AUC"]
    assert frame.loc[0, "Run − twin"] == "+0.015 ± 0.064"  # (.01, .02): mean .015, half .0635
    assert frame.loc[0, "So the run is"] == "no better"
    assert as_markdown(frame).count("\n") == 2
    alone = table(runs, ["a", "b"], {}, "truth")
    assert list(alone.columns) == ["Metric", "Run"]
