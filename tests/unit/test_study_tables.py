"""A study as a table: hand arithmetic, published values, marks by verdict only, texts."""

import io
from dataclasses import replace

import pandas as pd
import pytest
from study_frames import study_of

from engine.claims import Claim
from engine.config import changed
from engine.studies.export import csv, latex, latex_text, markdown, relative_text
from engine.studies.named import make_plan
from engine.studies.tables import make_table

BASE, BAL = ("ips", None), ("ips/learned/e/in_sample", None)
VALUES = {
    BASE: {
        "test_clean_auc": [0.70, 0.72],
        "test_clean_mse": [0.20, 0.22],
        "test_auc": [0.75, 0.77],
    },
    BAL: {"test_clean_auc": [0.71, 0.73], "test_clean_mse": [0.10, 0.11], "test_auc": [0.75, 0.79]},
}
CLAIM = Claim(
    *("Table 2: balanced over base", 5, "Coat", "Bal-IPS", "IPS", "mse", 2, 290, True, 0.95),
    *(0.1, 0.2, 0.105, 0.05, 0.15),
)


def plan(**choices):
    fixed = {"seeds": (0, 1), "methods": ("ips",), "forms": (("learned", ("e",)),)}
    return make_plan("table2", "coat", **(fixed | choices))


@pytest.fixture
def table():
    return make_table(study_of(plan(), VALUES), "test_clean", (CLAIM,))


def test_means_deviations_and_gains_by_hand(table):
    base, balanced = table.rows
    auc, mse = balanced.numbers["auc"], balanced.numbers["mse"]
    assert auc.mean == pytest.approx(0.72)
    assert auc.sd == pytest.approx(0.02 / 2**0.5)
    assert auc.n == 2
    assert auc.gain.mean == pytest.approx(0.01)
    assert auc.gain.relative == pytest.approx(0.01 / 0.71)
    # Seed by seed 0.10 and 0.11 less, over a base of 0.21: less is better, so the gain is positive.
    assert mse.gain.mean == pytest.approx(0.105)
    assert mse.gain.relative == pytest.approx(0.5)
    assert mse.gain.low < 0.105 < mse.gain.high
    # t with one degree of freedom: 12.706 * sd(0.10, 0.11) / sqrt(2).
    assert mse.gain.high - mse.gain.mean == pytest.approx(12.7062 * 0.005, rel=1e-4)
    assert base.numbers["auc"].gain is None
    assert base.base == ""
    assert balanced.base == "IPS"


def test_gains_are_over_the_seeds_both_have():
    values = {**VALUES, BAL: {"test_clean_auc": [0.71, None]}}
    gain = make_table(study_of(plan(), values)).rows[1].numbers["auc"].gain
    assert (gain.n, gain.mean) == (1, pytest.approx(0.01))
    assert gain.relative == pytest.approx(0.01 / 0.70)
    assert make_table(study_of(plan(), values)).rows[1].pending == 1


def test_published_values_and_their_gain_stand_beside(table):
    base, balanced = table.rows
    assert base.numbers["auc"].published == 0.760
    assert balanced.numbers["ndcg10"].published == 0.628
    assert balanced.numbers["auc"].published_relative == pytest.approx(0.771 / 0.760 - 1)
    assert balanced.numbers["mse"].published is None
    assert balanced.numbers["ndcg5"].n == 0


def test_rows_the_paper_does_not_have_show_nothing_published():
    forms = (("learned", ("e", "r")), ("exact", ("e",)))
    rows = make_table(study_of(plan(forms=forms), {})).rows
    assert [row.numbers["auc"].published for row in rows] == [0.760, None, None]
    oracle = make_plan("table2", "simulated-small", seeds=(0,), methods=("ips",))
    table = make_table(study_of(oracle, {}))
    assert not table.has_published
    assert table.metrics[-1] == "true_loss"


def test_tables_3_and_4_show_their_own_numbers():
    three = make_table(study_of(make_plan("table3", "coat", seeds=(0,)), {}))
    told = {row.label: row.numbers["ndcg5"].published for row in three.rows}
    assert told["IPS"] == 0.509
    assert told["Bal-AutoDebias from DR"] == 0.539
    assert [row.base for row in three.rows[3:]] == ["IPS"] * 3 + ["DR"] * 3 + ["AutoDebias"] * 3
    four = make_table(study_of(make_plan("table4", "music", seeds=(0,)), {}))
    assert {row.label: row.numbers["auc"].published for row in four.rows} == {
        "w1 MF, w2 MF": 0.749,
        "w1 MF, w2 NCF": 0.745,
        "w1 NCF, w2 MF": 0.762,
        "w1 NCF, w2 NCF": 0.749,
    }
    assert not four.has_gains


def test_a_figure_is_no_table():
    with pytest.raises(ValueError, match="varies lam"):
        make_table(study_of(make_plan("lambda", "coat", seeds=(0,)), {}))


def test_the_other_test_ratings_bring_no_marks():
    table = make_table(study_of(plan(), VALUES), "test", (CLAIM,))
    assert table.rows[1].numbers["auc"].mean == pytest.approx(0.77)
    assert not table.checked
    assert "as published" in table.caption
    assert "⁺" not in markdown(table)


def test_markdown_as_it_is_pasted(table):
    lines = markdown(table).splitlines()
    assert lines[0] == (
        "| Method | AUC | *paper* | RI | NDCG@5 | *paper* | RI | NDCG@10 | *paper* | RI "
        "| MSE | RI | Log loss | RI | Seeds | d | Optimiser | Trials | Source |"
    )
    assert lines[3] == (
        "| Bal-IPS | 0.720 ± 0.014 | *0.771* | +1.4 % | – | *0.521* | – | – | *0.628* | – "
        "| 0.1050 ± 0.0071 | +50.0 %⁺ | – | – | 2 | 32 | Adam | 0 | measured |"
    )
    assert lines[5].startswith("Table 2: Coat (real data). Mean ± standard deviation over 2 seeds")
    assert "clean test ratings" in lines[5]
    assert "not measured, duplicates included" in lines[5]
    assert "simultaneous intervals" in lines[5]


def test_latex_is_whole(table):
    text = latex(table)
    lines = text.splitlines()
    assert lines[0] == r"\begin{table}"
    assert [line for line in lines if "tabular" in line] == [
        r"\begin{tabular}{l" + "r" * 15 + "lrl}",
        r"\end{tabular}",
    ]
    rules = [line for line in lines if line in (r"\toprule", r"\midrule", r"\bottomrule")]
    assert rules == [r"\toprule", r"\midrule", r"\bottomrule"]
    assert r"\multicolumn{3}{c}{AUC}" in text
    assert r"\cmidrule(lr){2-4} \cmidrule(lr){5-7}" in text
    rows = lines[lines.index(r"\midrule") + 1 : lines.index(r"\bottomrule")]
    assert rows[1] == (
        r"Bal-IPS & 0.720 $\pm$ 0.014 & \textit{0.771} & +1.4 \% & -- & \textit{0.521} & -- & -- & "
        r"\textit{0.628} & -- & 0.1050 $\pm$ 0.0071 & +50.0 \%$^{+}$ & -- & -- & 2 & 32 & Adam & 0 "
        r"& measured \\"
    )
    assert {line.count(" & ") for line in rows} == {18}
    for open_, close in ("{}", "[]"):
        assert text.count(open_) == text.count(close)
    assert text.count("$") % 2 == 0


def test_latex_escapes_what_it_must():
    assert latex_text("a_b & {e, r} 5 % λ −") == r"a\_b \& \{e, r\} 5 \% $\lambda$ $-$"


@pytest.mark.parametrize(
    ("low", "high", "mark"),
    [
        (0.05, 0.15, "⁺"),
        (0.0001, 0.0009, "⁽⁺⁾"),
        (-0.0005, 0.0005, "⁼"),
        (-0.2, 0.2, ""),
        (-0.2, -0.1, "⁻"),
    ],
)
def test_a_mark_says_what_the_claim_check_found(low, high, mark):
    claim = replace(CLAIM, low=low, high=high)
    text = markdown(make_table(study_of(plan(), VALUES), "test_clean", (claim,)))
    assert f"+50.0 %{mark} |" in text


def test_csv_reads_back(table):
    frame = pd.read_csv(io.StringIO(csv(table))).set_index(["method", "metric"])
    assert len(frame) == 10
    row = frame.loc[("Bal-IPS", "mse")]
    assert row["gain"] == pytest.approx(0.105)
    assert (row["verdict"], row["simultaneous_low"]) == ("supported", 0.05)
    assert frame.loc[("Bal-IPS", "auc"), "published"] == 0.771
    assert pd.isna(frame.loc[("IPS", "ndcg5"), "mean"])


def test_settings_tuned_per_seed_are_all_told():
    tuned = plan()
    one = tuned.series[1]
    by_seed = {seed: changed(one.config, d=8 + 8 * seed) for seed in (0, 1)}
    series = (tuned.series[0], one.model_copy(update={"by_seed": by_seed, "trials": 50}))
    study = study_of(tuned.model_copy(update={"series": series}), VALUES)
    row = make_table(study).rows[1]
    assert (row.d, row.optimizer, row.trials) == ("8, 16", "Adam", 50)


def test_gallery_numbers_say_that_they_are():
    table = make_table(study_of(plan(), VALUES, source="gallery"))
    assert {row.source for row in table.rows} == {"computed earlier"}


def test_a_change_too_small_to_print_has_no_sign():
    assert relative_text(-0.0001) == "0.0 %"
    assert relative_text(-0.012) == "−1.2 %"
    assert relative_text(None) == "–"
