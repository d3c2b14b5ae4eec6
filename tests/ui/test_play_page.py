"""The play controls on the page: steps, speed, λ while it trains, a branch."""

import pytest
from fake_api import FakeEngine
from page_runs import again, params
from streamlit.testing.v1 import AppTest
from test_lab_page import button, opened, said

from engine.presets import preset


def started(fake: FakeEngine, epoch: int = 10, **choices: str) -> AppTest:
    at = again(button(opened(**choices), "start").click().run())
    fake.epoch = epoch
    return again(at.run())


def test_before_a_launch_a_step_starts_one_and_takes_the_first_epoch(fake: FakeEngine) -> None:
    at = again(button(opened(), "step_epoch").click().run())
    assert params(at)["launch"] == "L0"
    assert fake.asked == [("step", "L0", "epoch")]
    assert "Paused at epoch 1 of 120" in said(at)
    assert "**Weights :gray[in epoch 1]**" in said(at)
    again(button(at, "step_epoch").click().run())
    assert fake.asked[1:] == [("step", "L0", "epoch")]
    assert len(fake.launches) == 1


def test_a_step_names_what_the_epoch_changed(fake: FakeEngine) -> None:
    at = again(button(started(fake), "step_epoch").click().run())
    text = said(at)
    assert "Paused at epoch 11 of 120" in text
    assert "**Constraint :gray[in epoch 11]**" in text
    assert "violation −" in text
    assert "→" in text
    assert not button(at, "resume").disabled


def test_half_steps_say_what_they_changed_and_what_is_to_come(fake: FakeEngine) -> None:
    at = started(fake, propensity="bilevel")
    at = again(button(at, "step_phi").click().run())
    assert "To come on this block: the balancing weights" in said(at)
    at = again(button(at, "step_w").click().run())
    text = said(at)
    assert "**Update w :gray[← epoch 11, block 5 of 16, seed 0]**" in text
    assert "entropy 0.980 → 0.950, violation +0.0310 → +0.0280" in text
    assert "Most moved (user, item): (12, 40) ×1.210; (3, 4) ×0.900" in text
    assert "To come on this block: the predictor" in text


@pytest.mark.parametrize(
    ("choices", "steps"),
    [
        ({}, {"epoch", "w", "theta"}),
        ({"propensity": "bilevel"}, {"epoch", "phi", "w", "theta"}),
        ({"balance": "none"}, {"epoch", "theta"}),
        ({"lam": "x"}, set()),
    ],
)
def test_only_updates_that_there_are_can_be_asked_for(
    fake: FakeEngine, choices: dict[str, str], steps: set[str]
) -> None:
    at = opened(**choices)
    names = ("epoch", "phi", "w", "theta")
    assert {name for name in names if not button(at, f"step_{name}").disabled} == steps


def test_while_steps_wait_the_launch_stands_still_and_says_so(fake: FakeEngine) -> None:
    at = started(fake)
    fake.stepping = True
    at = again(button(at, "step_epoch").click().run())
    assert "Stepping at epoch 11 of 120" in said(at)
    assert button(at, "start").disabled
    assert all(button(at, f"step_{name}").disabled for name in ("epoch", "w", "theta"))
    assert not button(at, "resume").disabled


def test_a_click_on_step_that_comes_while_one_is_under_way_is_one_step_and_said(
    fake: FakeEngine,
) -> None:
    at = started(fake)
    fake.stepping = True
    fake.step("L0", "epoch")  # of the first click; the page does not show it yet
    at = again(button(at, "step_epoch").click().run())
    assert fake.asked == [("step", "L0", "epoch")]
    assert "One step at a time: clicks made while it was under way changed nothing." in said(at)
    fake.stepping = False
    at = again(button(again(at.run()), "step_epoch").click().run())
    assert len(fake.asked) == 2
    assert "One step at a time" not in said(at)


@pytest.mark.parametrize("name", ["start", "step_epoch"])
def test_a_second_click_that_begins_a_launch_is_said_and_begins_none(
    fake: FakeEngine, name: str
) -> None:
    at = opened()
    # The first click's launch; the page was not drawn anew before the second one came.
    at.session_state["launch"] = fake.launch([preset("simulated-small", "ips")]).id
    at = again(button(at, name).click().run())
    assert len(fake.launches) == 1
    assert fake.asked == []
    assert "It has started: further clicks on Start changed nothing." in said(at)
    assert button(at, "start").disabled


def test_two_quick_clicks_on_branch_make_one(fake: FakeEngine) -> None:
    at = button(started(fake), "branch_from_here").click().run()
    at = again(button(at, "branch_from_here").click().run())
    assert set(fake.launches) == {"L0", "L1"}
    assert "One branch was made" in said(at)


def test_speed_is_taken_at_the_start_and_changed_while_it_trains(fake: FakeEngine) -> None:
    at = opened()
    at = again(at.selectbox(key="p_speed").set_value(2.0).run())
    at = again(button(at, "start").click().run())
    assert fake.speeds == {"L0": 2.0}
    assert at.selectbox(key="p_speed").value == 2.0
    at = again(at.selectbox(key="p_speed").set_value(0.0).run())
    assert fake.speeds == {"L0": None}
    assert at.selectbox(key="p_speed").value == 0.0


def test_lam_moves_while_it_trains_and_every_panel_is_marked(fake: FakeEngine) -> None:
    at = started(fake)
    slider = at.select_slider(key="f_lam")
    assert slider.label == "λ, **moves while it trains**"
    at = again(slider.set_value(64.0).run())
    assert {move["new"] for move in fake.moves} == {64.0}
    assert "λ = 2³ → **2⁶**" in said(at)
    assert "settings have changed" not in said(at)
    assert params(at)["lam"] == "64"
    assert "the command does not repeat that" in said(at)
    assert at.select_slider(key="f_lam").value == 64.0
    assert len(fake.launches) == 1


def test_lam_moves_to_0_and_from_there(fake: FakeEngine) -> None:
    at = started(fake)
    for lam, told in ((0.0, "λ = 2³ → **0**"), (16.0, "λ = 2³ → **2⁴**")):
        at = again(at.select_slider(key="f_lam").set_value(lam).run())
        assert told in said(at)
        assert ("Weights go back to uniform" in said(at)) == (lam == 0)
        assert "settings have changed" not in said(at)
        assert at.select_slider(key="f_lam").label == "λ, **moves while it trains**"
    assert [move["new"] for move in fake.moves] == [0.0] * 5 + [16.0] * 5


def test_lam_moves_in_one_seed_alone(fake: FakeEngine) -> None:
    at = again(started(fake).selectbox(key="p_seed").set_value(2).run())
    at = again(at.select_slider(key="f_lam").set_value(64.0).run())
    assert [move["run"] for move in fake.moves] == ["L0-2"]
    assert "λ = 2³ → **2³, 2⁶**" in said(at)
    assert "settings have changed" not in said(at)


def test_a_lam_that_is_refused_is_said_beside_the_slider(fake: FakeEngine) -> None:
    at = again(started(fake).select_slider(key="f_lam").set_value(256.0).run())
    assert ":red[lam: got 256.0; allowed: less.]" in said(at)


@pytest.mark.parametrize("change", ["other settings", "stopped", "no weights"])
def test_otherwise_the_slider_is_a_choice_for_the_next_launch(
    fake: FakeEngine, change: str
) -> None:
    at = started(fake, **({"balance": "none"} if change == "no weights" else {}))
    if change == "other settings":
        at = again(at.number_input(key="f_seeds").set_value(3).run())
    if change == "stopped":
        at = again(button(at, "stop").click().run())
    slider = at.select_slider(key="f_lam")
    assert slider.label == "λ, strength of the balance constraint"
    if not slider.disabled:
        again(slider.set_value(64.0).run())
    assert fake.moves == []


def test_branch_from_here_shows_the_branch_and_says_where_it_comes_from(fake: FakeEngine) -> None:
    at = again(button(started(fake), "branch_from_here").click().run())
    assert params(at)["launch"] == "L1"
    assert "[branched](?launch=L0) at epoch 10" in said(at)
    assert set(fake.launches) == {"L0", "L1"}
    fake.sources = dict.fromkeys(fake.sources, "gone-0")  # deleted since
    assert "· branched at epoch 10" in said(again(at.run()))


def test_what_cannot_be_done_is_said_under_the_buttons(fake: FakeEngine) -> None:
    at = started(fake)
    fake.stop("L0")  # by another browser, since this page was drawn
    at = again(button(at, "step_epoch").click().run())
    assert ":red[Launch L0 has ended: start it again.]" in said(at)


def test_a_click_that_brings_an_old_url_along_changes_nothing(fake: FakeEngine) -> None:
    at = opened()
    old = params(at)
    at = again(button(at, "start").click().run())
    assert params(at)["launch"] == "L0"
    at.query_params.clear()
    for name, value in old.items():
        at.query_params[name] = value
    at = again(at.run())
    assert params(at)["launch"] == "L0"
    assert button(at, "start").disabled
