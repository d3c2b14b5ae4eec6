"""Marks of moved λ on the live figure."""

import pandas as pd

from dashboard.charts.live import live_panels
from dashboard.charts.looks import Look
from dashboard.charts.marks import in_words, marks_of, with_marks
from dashboard.text.play import arrow, change
from engine.half_steps import Change, Moved

RUNS = ["a", "b"]


def moves(*rows: tuple) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["run", "epoch", "block", "half", "new"])


def figure() -> dict:
    epochs = pd.DataFrame({"run": ["a", "b"] * 2, "epoch": [1, 1, 2, 2], "loss": 0.1})
    return live_panels(epochs, RUNS, revision="x")


def test_every_panel_has_a_line_at_every_move_and_the_first_row_says_to_what() -> None:
    plain = figure()
    made = moves(("a", 3, 0, 0, 8.0), ("b", 3, 0, 0, 8.0), ("a", 40, 2, 0, 0.5))
    marked = with_marks(plain, made, RUNS, 50)
    lines = marked["layout"]["shapes"]
    axes = {name[1:].replace("axis", "y", 1) for name in plain["layout"] if name[:5] == "yaxis"}
    assert len(axes) == 6
    assert {(line["x0"], line["yref"]) for line in lines} == {
        (x, f"{axis} domain") for x in (3.0, 40.5) for axis in axes
    }
    assert all(line["x0"] == line["x1"] for line in lines)
    named = [a["text"] for a in marked["layout"]["annotations"] if a["text"].startswith("λ")]
    assert sorted(named) == ["λ 2³", "λ 2³", "λ 2⁻¹ (seed 0)", "λ 2⁻¹ (seed 0)"]
    assert marked["layout"]["uirevision"] == "x"
    assert "shapes" not in plain["layout"]


def test_nothing_moved_leaves_the_figure_as_it_is() -> None:
    plain = figure()
    assert with_marks(plain, moves(), RUNS, 50) is plain
    assert in_words(moves(), RUNS) == ""


def test_names_of_close_marks_do_not_overlap_and_the_last_one_stays() -> None:
    made = moves(*(("a", k, 0, 0, float(k)) for k in range(1, 31)))
    marked = with_marks(figure(), made, ["a"], 30)
    named = [a for a in marked["layout"]["annotations"] if a["text"].startswith("λ")]
    assert len(marked["layout"]["shapes"]) == 30 * 6
    assert len(named) <= 2 * 6
    assert max(named, key=lambda a: a["x"])["text"] == "λ 30"


def test_the_text_alternative_tells_of_moves() -> None:
    made = moves(("a", 3, 1, 0, 8.0))
    assert marks_of(made, ["a"]) == [(3.5, "λ 2³")]
    assert in_words(made, ["a"]) == " Moved by hand: λ 2³ after epoch 3."


def test_a_change_is_told_with_the_digits_it_has() -> None:
    assert arrow("entropy", 0.981, 0.979) == "0.9810 → 0.9790"
    assert arrow("violation", 0.031, -0.028) == "+0.031 → −0.028"
    assert arrow("entropy", 1.0, 0.9999999) == "1.00000 as before"
    assert arrow("loss", None, 0.25) == "0.2500"


def test_small_ratios_keep_their_digits_and_weights_that_stay_say_why() -> None:
    moved = (Moved(1, 2, 1.0, 1.00042), Moved(3, 4, 1.0, 2.0))
    said = change("w", Change("r", {"entropy": (0.98, 0.95)}, "weight", moved))
    assert said.endswith("Most moved (user, item): (1, 2) ×1.00042; (3, 4) ×2.000")
    said = change("w", Change("r", {"entropy": (0.98, 0.98)}))
    assert said.startswith("entropy 0.980 as before")
    assert "at their optimum since the last look at all ratings" in said
    assert "optimum" not in change("theta", Change("r", {"loss": (0.2, 0.1)}))


def test_on_a_log_axis_lines_stand_at_the_epoch_and_names_at_its_logarithm() -> None:
    epochs = pd.DataFrame({"run": ["a", "b"] * 2, "epoch": [1, 1, 2, 2], "loss": 0.1})
    plain = live_panels(epochs, RUNS, revision="x", look=Look(log_epochs=True))
    marked = with_marks(plain, moves(("a", 0, 0, 0, 8.0), ("a", 100, 0, 0, 4.0)), RUNS, 100)
    assert {line["x0"] for line in marked["layout"]["shapes"]} == {0.5, 100.0}
    named = {a["x"] for a in marked["layout"]["annotations"] if a["text"].startswith("λ 2²")}
    assert named == {2.0}
