"""Examples, panels, phase plane and equation on the lab page, against the stand-in engine."""

from types import SimpleNamespace

import pytest
from fake_api import FakeEngine
from streamlit.testing.v1 import AppTest
from test_lab_page import again, button, opened, params, said

from dashboard.cards import CARDS
from dashboard.plane_panel import LATEST, scrubbed
from dashboard.text.lab import plane_note


def started(**choices: str) -> AppTest:
    return again(button(opened(**choices), "start").click().run())


def group(at: AppTest, key: str):
    return next(w for w in at.get("button_group") if w.key == key)


@pytest.mark.parametrize("k", range(len(CARDS)), ids=lambda k: CARDS[k].name)
def test_an_example_fills_the_form_and_the_url_and_starts(fake: FakeEngine, k: int) -> None:
    at = opened(d="16", moments="r", panels="auc")
    at = again(button(at, f"card_{k}").click().run())
    assert ":red[" not in said(at)
    assert "d" not in params(at)
    for name, value in CARDS[k].choices.items():
        assert params(at)[name] == value
    assert params(at)["panels"] == "auc"  # how one looks is no part of an example
    again(button(at, "start").click().run())
    config = fake.configs["L0-0"]
    assert str(config.confounding) in (CARDS[k].choices.get("confounding"), "strong")


def test_an_example_leaves_the_launch_on_the_page_until_the_next_start(fake: FakeEngine) -> None:
    at = started()
    fake.epoch = 200
    at = again(button(at.run(), "card_0").click().run())
    assert params(at)["launch"] == "L0"
    assert "the settings have changed since" in said(at)


def test_panels_axes_and_smoothing_are_chosen_and_stand_in_the_url(fake: FakeEngine) -> None:
    at = started()
    fake.epoch = 30
    at = again(at.run())
    at = again(group(at, "v_panels").set_value(["violation", "seconds", "sides"]).run())
    assert params(at)["panels"] == "violation,sides,seconds"
    at = again(at.toggle(key="v_log_values").set_value(True).run())
    at = again(at.slider(key="v_smooth").set_value(0.6).run())
    assert (params(at)["log"], params(at)["smooth"]) == ("values", "0.6")
    assert params(at)["launch"] == "L0"
    other = opened(**params(at))
    assert group(other, "v_panels").value == ["violation", "sides", "seconds"]
    assert other.toggle(key="v_log_values").value
    none_left = again(group(at, "v_panels").set_value([]).run())
    assert "panels" not in params(none_left)


def test_only_panels_that_a_launch_can_have_are_offered(fake: FakeEngine) -> None:
    def offers(**choices: str) -> list[str]:
        return group(opened(**choices), "v_panels").options

    simulated, real = offers(), offers(dataset="coat")
    assert len(simulated) - len(real) == 1  # likeness to the oracle


def test_the_phase_plane_stands_beside_the_curves_and_is_scrubbed(fake: FakeEngine) -> None:
    at = started(seeds="2")
    fake.epoch = 40
    at = again(group(at.run(), "v_beside").set_value("plane").run())
    assert params(at)["beside"] == "plane"
    assert "Epoch 40: violation" in said(at)
    assert at.select_slider(key="v_at").value == LATEST
    at = again(at.select_slider(key="v_at").set_value(20).run())
    assert params(at)["at"] == "20"
    assert "Epoch 20: violation" in said(at)
    at = again(at.selectbox(key="v_lane").set_value(1).run())
    assert params(at)["lane"] == "1"
    other = opened(**params(at))
    assert other.select_slider(key="v_at").value == 20
    fake.epoch = 60
    assert "Epoch 20: violation" in said(again(at.run()))
    at = again(at.select_slider(key="v_at").set_value(LATEST).run())
    assert "at" not in params(at)
    assert "Epoch 60: violation" in said(at)


def test_the_scrubber_offers_the_same_all_through_a_launch_and_never_too_much() -> None:
    assert scrubbed(35) == [1, 10, 20, 30, 35, LATEST]
    assert scrubbed(1) == [1, LATEST]
    assert 60 < len(scrubbed(50_000)) <= 121


def test_an_epoch_without_a_frontier_and_a_seed_that_is_not_there_are_the_nearest(
    fake: FakeEngine,
) -> None:
    at = started(seeds="1")
    fake.epoch = 40
    other = opened(**params(at), beside="plane", at="33", lane="9")
    assert other.select_slider(key="v_at").value == 30
    assert "Epoch 30: violation" in said(other)
    ahead = opened(**params(at), beside="plane", at="110")
    assert ahead.select_slider(key="v_at").value == 110
    assert "Epoch 40: violation" in said(ahead)  # no later one yet


def test_the_phase_plane_of_a_base_method_is_empty_and_says_nothing(fake: FakeEngine) -> None:
    at = started(balance="none", beside="plane")
    fake.epoch = 40
    at = again(at.run())
    assert "violation 0" not in said(at)
    assert not [s for s in at.select_slider if s.key == "v_at"]


@pytest.mark.parametrize("method", ["mf", "ips", "dr", "autodebias"])
def test_the_equation_has_todays_numbers(fake: FakeEngine, method: str) -> None:
    at = opened(method=method, seeds="2")
    for shown in (at, again(button(at, "start").click().run())):
        (latex,) = shown.get("latex") or [e for e in shown.markdown if r"\sum" in e.value]
        assert "underbrace" not in latex.value
        assert "The numbers come with the first epoch." in said(shown)
        assert "$w_{u,i}$ :gray[" in said(shown) or r"$w_{1,u,i},\, w_{2,u,i}$ :gray[" in said(
            shown
        )
    fake.epoch = 30
    at = again(at.run())
    (latex,) = at.get("latex") or [e for e in at.markdown if "underbrace" in e.value]
    assert "0.1570" in latex.value
    assert "Epoch 30, means over 2 seeds" in said(at)
    assert r"$\lambda$" in said(at)


def test_a_method_without_a_constraint_has_no_equation(fake: FakeEngine) -> None:
    assert "The numbers come with" not in said(opened(method="cause"))
    at = started(method="cause")
    fake.epoch = 30
    assert "Numbers that add up" not in said(again(at.run()))


def test_a_run_of_an_older_version_keeps_no_frontier_and_says_so(
    fake: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = started(seeds="1", beside="plane")
    module = __import__("dashboard.plane_panel", fromlist=["api"]).api
    monkeypatch.setattr(module, "frontier_epochs", lambda run: [])
    fake.epoch = 30
    at = again(at.run())
    assert "Epoch 30: violation" in said(at)
    assert "frontier" not in said(at)


def test_why_the_phase_plane_is_empty_is_said(fake: FakeEngine) -> None:
    shown = SimpleNamespace(balanced=True)
    assert plane_note(None, None, False) == "press Start"
    assert plane_note(None, shown, False) == "waiting for an epoch"
    assert "older version" in plane_note(None, shown, True)
    assert "nothing is balanced" in plane_note(None, SimpleNamespace(balanced=False), True)
