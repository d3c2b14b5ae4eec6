"""Verdicts on statements: conjunctions, peaks, feasibility, time, and the list as a whole."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from study_frames import study_of

from engine.claims import MARGINS, Claim
from engine.config import changed
from engine.presets import preset
from engine.store.database import Store
from engine.studies import measured, statements
from engine.studies.conclusions import NOT_MEASURED, all_better, lower_at_equal_rank
from engine.studies.counted import feasible, training_time
from engine.studies.families import Family, families, lam_text, place_label
from engine.studies.named import PAPER_LAMS, make_plan
from engine.studies.paper_claims import paper_claims
from engine.studies.peak import peak_sentence, peak_shares

M = MARGINS["auc"]
# Intervals of a gain in AUC that are each of the five verdicts.
INTERVALS = {
    "supported": (2 * M, 4 * M),
    "supported but negligible": (0.1 * M, 0.9 * M),
    "practically equal": (-0.5 * M, 0.5 * M),
    "undecided": (-3 * M, 3 * M),
    "contradicted": (-4 * M, -2 * M),
}


def claim(verdict, metric="auc", a="A", b="B"):
    scale = MARGINS[metric] / M
    low, high = (scale * bound for bound in INTERVALS[verdict])
    values = ("a family", 2, "Coat", a, b, metric, 5, 290, True, 0.95, 0.7, 0.7)
    made = Claim(*values, (low + high) / 2, low, high)
    assert made.verdict == verdict
    return made


@pytest.mark.parametrize(
    ("verdicts", "expected", "verdict"),
    [
        (["supported"] * 3, 3, "supported"),
        (["supported", "supported but negligible"], 2, "supported but negligible"),
        (["practically equal", "supported but negligible"], 2, "practically equal"),
        (["practically equal"], 1, "practically equal"),
        (["supported", "practically equal"], 2, "undecided"),
        (["supported", "undecided"], 2, "undecided"),
        (["supported", "supported", "contradicted"], 3, "contradicted"),
        (["supported"], 2, "undecided"),  # one comparison is still to come
        (["contradicted"], 2, "contradicted"),
        ([], 2, NOT_MEASURED),
    ],
)
def test_every_a_better_than_its_b(verdicts, expected, verdict):
    outcome = all_better([claim(one) for one in verdicts], expected)
    assert outcome.verdict == verdict
    if 0 < len(verdicts) < expected:
        assert f"Of {expected} comparisons, {len(verdicts)} measured so far" in outcome.evidence


def test_the_evidence_counts_and_gives_gains():
    own = [claim("supported"), claim("contradicted"), claim("supported", "mse")]
    said = all_better(own, 3).evidence
    assert said.startswith("Of 3 comparisons: 2 supported, 1 contradicted.")
    assert "AUC −0.015 to +0.015 (± up to 0.005)" in said
    assert "squared error +0.0030 (± up to 0.0010)" in said


@pytest.mark.parametrize(
    ("errors", "ranks", "verdict"),
    [
        ("supported", "practically equal", "supported"),
        ("supported", "supported", "supported"),
        ("supported", "undecided", "undecided"),
        ("supported", "contradicted", "contradicted"),
        ("contradicted", "practically equal", "contradicted"),
        ("practically equal", "practically equal", "practically equal"),
        ("undecided", "practically equal", "undecided"),
    ],
)
def test_errors_fall_at_equal_ranking(errors, ranks, verdict):
    own = [claim(errors, "mse"), claim(errors, "log_loss")]
    assert lower_at_equal_rank(own, [claim(ranks)], 3).verdict == verdict
    assert lower_at_equal_rank([], [], 3).verdict == NOT_MEASURED
    if verdict == "supported":
        assert lower_at_equal_rank(own, [claim(ranks)], 6).verdict == "undecided"


def curve(best, seeds=6, noise=0.0):
    rng = np.random.default_rng(1)
    return {
        ("ips", lam): {
            f"test_clean_{metric}": list(0.7 + 0.1 * (lam == best) + noise * rng.normal(size=seeds))
            for metric in ("auc", "ndcg5", "ndcg10")
        }
        for lam in PAPER_LAMS
    }


def test_a_clear_peak_is_found_in_every_draw_and_noise_in_many_places():
    plan = make_plan("lambda", "coat", seeds=range(6), methods=("ips",), values=PAPER_LAMS)
    study = study_of(plan, curve(2.0**-6))
    assert peak_shares(study.frame, "ips", "test_clean_auc")[2.0**-6] == 1
    assert "2⁻⁶ in 100 % to 100 % of draws" in peak_sentence(study)
    shares = peak_shares(study_of(plan, curve(None, noise=1.0)).frame, "ips", "test_clean_auc")
    assert shares.sum() == pytest.approx(1)
    assert (shares > 0.02).sum() > 1
    assert peak_sentence(study_of(plan, {})) == ""
    values = {k: v for k, v in curve(1.0).items() if k[1] != 1.0}
    assert peak_shares(study_of(plan, values).frame, "ips", "test_clean_auc") is None


def test_families_are_fixed_by_the_plan():
    named = {kind: families(make_plan(kind, "coat")) for kind in
             ("table2", "table3", "table4", "lambda", "uniform")}  # fmt: skip
    sizes = {(kind, family.key): len(family.pairs) for kind, own in named.items() for family in own}
    assert sizes == {
        ("table2", "gains"): 8,  # four methods, {e} and {e, r}
        ("table2", "best"): 12,  # nine base methods, three other balanced ones
        ("table2", "moments"): 4,
        ("table3", "gains"): 9,
        ("table4", "best"): 3,
        ("lambda", "positive"): 24,
        ("lambda", "peak"): 6,
        ("uniform", "best"): 40,
        ("uniform", "cause"): 1,
    }
    assert families(make_plan("grid", "coat", axis="d", values=(4, 8))) == ()
    plan = make_plan("lambda", "coat")
    assert place_label(plan, ("dr", 2.0**-6)) == "Bal-DR at λ = 2⁻⁶"
    assert [lam_text(lam) for lam in (0, 1, 0.125, 256, 3)] == ["0", "1", "2⁻³", "2⁸", "3"]
    plan = make_plan("uniform", "coat")
    assert place_label(plan, ("cause", 0.01)) == "CausE at 1 %"


def test_weights_are_counted_as_feasible_or_not(tmp_path):
    store = Store(tmp_path)
    plan = make_plan("table2", "coat", seeds=(0, 1, 2), methods=("ips",))
    place = ("ips/learned/e/in_sample", None)
    for told, verdict, said in (
        ([1, 1, 1], "supported", "3 of 3"),
        ([1, 0, 1], "contradicted", "2 of 3"),
    ):
        study = study_of(plan, {place: {"exact_feasible": told}}, source="gallery")
        outcome = feasible(store, study)
        assert outcome.verdict == verdict
        assert f"in {said} runs computed earlier" in outcome.evidence
    assert feasible(store, study_of(plan, {})).verdict == NOT_MEASURED
    store.close()


class Timed:
    """A store that tells of groups: (balanced lanes, plain lanes, seconds) each."""

    def __init__(self, *groups):
        config = preset("coat", "autodebias", lam=4.0)
        self.rows = []
        for k, (balanced, plain, seconds) in enumerate(groups):
            for seed in range(balanced + plain):
                own = config if seed < balanced else config.twin()
                self.rows.append(
                    {
                        "group_id": f"g{k}",
                        "config": changed(own, seed=seed).model_dump_json(),
                        "state": "finished",
                        "epoch_seconds": seconds,
                    }
                )

    def read(self, sql, values):
        return [row for row in self.rows if json.loads(row["config"])["dataset"] == values[0]]


@pytest.mark.parametrize(
    ("groups", "verdict", "said"),
    [
        ((), NOT_MEASURED, "No AutoDebias was timed"),
        (((1, 1, 2.0),), "undecided", "no run of both was trained apart"),
        (((1, 0, 2.0), (0, 2, 1.0)), "undecided", "groups of different size"),
        (((1, 0, 1.2), (0, 1, 1.0)), "undecided", "1.20 times as long"),
        (((1, 0, 1.2), (1, 0, 1.21), (0, 1, 1.0), (0, 1, 1.01)), "supported", "1.20 times"),
        (((1, 0, 2.2), (1, 0, 2.21), (0, 1, 1.0), (0, 1, 1.01)), "contradicted", "2.19 times"),
        (((1, 0, 1.2), (1, 0, 2.4), (0, 1, 1.0), (0, 1, 1.01)), "undecided", "1.69 times"),
    ],
)
def test_time_is_compared_between_runs_trained_apart(groups, verdict, said):
    outcome = training_time(Timed(*groups), "coat")
    assert outcome.verdict == verdict
    assert said in outcome.evidence


def test_an_empty_store_says_so_and_names_the_study(tmp_path):
    store = Store(tmp_path)
    found = paper_claims(store, "simulated-coat", epochs=7)
    store.close()
    assert [one.ours for one in found] == [False] * 10 + [True] * 3
    assert {one.verdict for one in found} == {NOT_MEASURED}
    assert {one.seeds for one in found} == {0}
    by_key = {one.key: one for one in found}
    assert by_key["peak"].evidence == (
        "Nothing of λ study on Simulated, of Coat's size was measured yet: 135 runs."
    )
    assert by_key["starts"].command == (
        "python -m engine study table3 --dataset simulated-coat --epochs 7 --seeds 5"
    )
    assert by_key["starts"].plan == make_plan("table3", "simulated-coat", epochs=7)
    assert by_key["time"].command.startswith("for w in none learned; do")


@pytest.mark.parametrize("verdict", [*INTERVALS])
def test_each_verdict_reaches_the_list(tmp_path, monkeypatch, no_gallery, verdict):
    """Every comparison of every family comes out the same way, so every statement does."""

    def all_the_same(store, study, family: Family):
        return tuple(
            claim(verdict, metric, place_label(study.plan, a), place_label(study.plan, b))
            for a, b in family.pairs
            for metric in family.metrics
        )

    monkeypatch.setattr(measured, "check_family", all_the_same)
    store = Store(tmp_path)
    told = {one.key: one for one in paper_claims(store, "coat")}
    store.close()
    for key in ("gains", "best", "starts", "positive", "peak", "models", "sizes", "cause"):
        assert told[key].verdict == verdict, key
        assert told[key].seeds == 5
    assert len(told["gains"].claims) == 12  # {e} alone, in the paper's three metrics
    assert len(told["best"].claims) == 36
    assert len(told["positive"].claims) == 36  # 3 methods, the paper's 4 lams, 3 metrics
    assert {c.metric for c in told["moments"].claims} == {"mse", "log_loss"}
    same = {"supported but negligible", "practically equal", "supported"}
    if verdict in same:
        assert told["calibrates"].verdict == verdict
    assert told["feasible"].verdict == NOT_MEASURED


def test_every_statement_names_a_family_that_is_there():
    known = SimpleNamespace(kinds=set())
    for spec in statements.SPECS:
        known.kinds.add(spec.kind)
        assert spec.statement.endswith(".")
    assert known.kinds == {"table2", "table3", "table4", "lambda", "uniform"}
