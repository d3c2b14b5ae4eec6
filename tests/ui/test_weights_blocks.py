"""The Weights page for methods with two blocks of weights: w2 on rated pairs, w1 on all pairs."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from page_runs import again, params, said
from safetensors.numpy import load_file, save_file
from streamlit.testing.v1 import AppTest
from weights_page import charts, opened

from dashboard.text import weights as text
from engine import api

EPOCHS = 6


@dataclass(frozen=True)
class Runs:
    dr: str
    autodebias: str
    ips: str


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Runs]:
    """A store with a run of each kind, six epochs each; DR's best epoch is not its last."""
    home = tmp_path_factory.mktemp("runs")
    short = {"lam": 64.0, "epochs": EPOCHS, "patience": 0}
    settings = {
        "dr": {"imputation_lr": 3e-2, "imputation_decay": 0.01},
        "autodebias": {"imputation_weight": 1.0},
        "ips": {},
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COUNTERWEIGHT_RUNS", str(home))
        made = {
            method: api.train_here(
                [api.preset("simulated-small", method, **short, **own)], twins=False
            ).runs[0]
            for method, own in settings.items()
        }
    return home, Runs(**made)


@pytest.fixture
def runs(trained: tuple[Path, Runs], monkeypatch: pytest.MonkeyPatch) -> Runs:
    monkeypatch.setenv("COUNTERWEIGHT_RUNS", str(trained[0]))
    return trained[1]


@pytest.fixture
def edited(trained: tuple[Path, Runs], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Changes what a copy of DR's run keeps."""
    home = tmp_path / "copy"
    shutil.copytree(trained[0], home)
    monkeypatch.setenv("COUNTERWEIGHT_RUNS", str(home))
    path = home / "arrays" / f"{trained[1].dr}.safetensors"

    def change(make):
        arrays = make(load_file(path))
        path.unlink()
        save_file(arrays, path)
        return trained[1].dr

    return change


def segmented(at: AppTest, key: str):
    return [w for w in at.get("button_group") if w.key == key]


def test_the_choice_is_there_where_a_run_has_both(runs: Runs) -> None:
    assert not segmented(opened(run=runs.ips), "w_on")
    at = opened(run=runs.dr)
    (choice,) = segmented(at, "w_on")
    assert choice.value == "observed"
    assert "w₂ weighs (e − ê)/p̂" in said(at)
    assert "Heaviest and lightest ratings" in said(at)
    choice.set_value("all")
    at = again(at.run())
    assert params(at)["on"] == "all"
    assert "w₁ weighs the imputed error ê of every pair of D" in said(at)
    segmented(at, "w_on")[0].set_value("observed")
    assert "on" not in params(again(at.run()))


@pytest.mark.parametrize("method", ["dr", "autodebias"])
def test_every_view_is_there_for_the_weights_on_all_pairs(runs: Runs, method: str) -> None:
    at = opened(run=getattr(runs, method), on="all")
    words = said(at)
    for part in (
        *("How much pairs count", "Heaviest and lightest pairs", "1,500 of 40,000 pairs drawn"),
        *("exact at this λ", "hidden confounder", "Diagnostics", "Both blocks share one"),
        *("×1 for every pair", "All pairs are what is to be estimated", "of both blocks together"),
        *("How far do the weights move all pairs", "w2, on B", "this pair counts so many times"),
    ):
        assert part in words, part
    assert ("ESS of w/p" in words) == (method == "autodebias")
    assert charts(at) == 7  # histogram, map, against, exact, oracle, hidden, love
    offered = at.selectbox(key="w_across").options
    assert offered[0] == "imputed error ê"
    assert {"rated or not", "label r, of rated pairs", "prediction"} < set(offered)
    assert ("1/p̂₁, by which ê is multiplied" in offered) == (method == "autodebias")
    for name in ("observed", "label"):
        at.selectbox(key="w_across").set_value(name)
        assert params(again(at.run()))["across"] == name


def test_exact_weights_are_there_for_both_blocks(runs: Runs) -> None:
    for on in ({}, {"on": "all"}):
        words = said(opened(run=runs.dr, **on))
        assert "Learned against exact at this λ" in words
        assert "function of the balanced moments alone" in words
        assert "KL(w \\|\\| exact at λ)" in words
        assert "What was balanced" in words


def test_a_constraint_that_cannot_be_met_is_said(edited) -> None:
    run = edited(lambda kept: kept | {"weights.target": np.full_like(kept["weights.target"], 9e3)})
    at = opened(run=run, on="all")
    segmented(at, "w_hard")[0].set_value("exact_hard")
    at = again(at.run())
    words = said(at)
    assert "The hard constraint cannot be met" in words
    assert "the left side of e can only lie between" in words
    assert charts(at) == 6


def test_a_pair_is_let_go_of_with_its_block_and_a_cell_is_not(runs: Runs) -> None:
    at = opened(run=runs.dr, on="all", pick="pair-39999")
    assert "user 199, item 199" in said(at)
    assert "This pair counts as" in said(at)
    segmented(at, "w_on")[0].set_value("observed")
    assert "pick" not in params(again(at.run()))
    at = opened(run=runs.dr, on="all", pick="cell-12-12")
    assert "256 pairs of users 12 and items 12" in said(at)
    assert "of them rated, mean imputed error" in said(at)
    segmented(at, "w_on")[0].set_value("observed")
    assert params(again(at.run()))["pick"] == "cell-12-12"


def test_the_pairs_follow_the_scrubber_to_the_last_epoch(runs: Runs) -> None:
    best = api.run(runs.dr).best_epoch
    assert best < EPOCHS
    at = opened(run=runs.dr, on="all")
    assert at.select_slider(key="w_epoch").value == best
    assert f"epoch {best}; 1,500 of" in said(at)
    at.select_slider(key="w_epoch").set_value(EPOCHS)
    at = again(at.run())
    assert f"epoch {EPOCHS}; 1,500 of" in said(at)
    at.select_slider(key="w_epoch").set_value(1)  # of which aggregates alone are kept
    assert f"epoch {best}; 1,500 of" in said(again(at.run()))


def test_another_run_stands_beside_with_the_same_block(runs: Runs) -> None:
    at = opened(run=runs.dr, on="all", beside=runs.autodebias)
    words = said(at)
    assert "Of both runs: w₁ on all pairs" in words
    assert "Pair against pair" in words
    assert charts(at) == 12
    at = opened(run=runs.dr, on="all", beside=runs.ips)
    assert "has no weights on all pairs (w1)" in said(at)
    assert charts(opened(run=runs.dr, beside=runs.ips)) == 12


def test_a_run_with_one_block_shows_it_whatever_was_asked(runs: Runs) -> None:
    at = opened(run=runs.ips, on="all")
    assert "on" not in params(at)
    assert "Heaviest and lightest ratings" in said(at)


def test_an_older_run_says_what_it_lacks_and_shows_the_rest(edited) -> None:
    run = edited(lambda kept: {k: v for k, v in kept.items() if not k.startswith("phi.")})
    at = opened(run=run, on="all")
    assert "older version, which did not keep what its weights on all pairs" in said(at)
    assert charts(at) == 2  # histogram and map, as told in training
    segmented(at, "w_on")[0].set_value("observed")
    at = again(at.run())
    assert "did not keep" in said(at)  # why there are no exact weights
    assert charts(at) == 6


def test_words_about_the_oracle_of_all_pairs() -> None:
    assert text.uniform_reading(0.0, 0.001).startswith("All but the oracle's")
    assert text.uniform_reading(0.07, 0.28).startswith("Away from the oracle's: KL 0.0700")
    assert "10 of 20 pairs, a fixed sample" in text.what("dr", "all", 10, 20)
    assert "sample" not in text.what("dr", "all", 20, 20)
