"""The lab page run as Streamlit runs it, without a browser and against the stand-in engine."""

from pathlib import Path

import pytest
from fake_api import FakeEngine
from page_runs import again, params, said, told
from streamlit.testing.v1 import AppTest
from test_bias import STRONG

MAIN = Path(__file__).parents[2] / "dashboard" / "main.py"


def opened(**params: str) -> AppTest:
    at = AppTest.from_file(str(MAIN), default_timeout=30)
    for name, value in params.items():
        at.query_params[name] = value
    return again(at.run())


def button(at: AppTest, key: str):
    return at.button(key=key)


def test_first_view(fake: FakeEngine) -> None:
    at = opened()
    assert at.selectbox(key="f_dataset").value == "simulated-small"
    assert at.selectbox(key="f_confounding").value == "strong"
    assert at.select_slider(key="f_lam").value == 8.0
    assert at.number_input(key="f_seeds").value == 5
    assert not button(at, "start").disabled
    assert button(at, "stop").disabled
    assert "Expected violation left: **6 %**" in said(at)
    assert "simulated data" in said(at)
    assert params(at)["lam"] == "8"
    assert params(at)["seeds"] == "5"


def test_start_launches_every_seed_with_its_twin_and_the_url_names_the_launch(
    fake: FakeEngine,
) -> None:
    at = again(button(opened(), "start").click().run())
    assert params(at)["launch"] == "L0"
    launch = fake.find_launch("L0")
    assert len(launch.runs) == 5
    assert len(launch.twins) == 5
    assert [fake.configs[r].seed for r in launch.runs] == [0, 1, 2, 3, 4]
    assert button(at, "start").disabled
    assert not button(at, "stop").disabled


@pytest.mark.parametrize("beside", ["weights", "plane"])
def test_a_look_tells_no_widget_of_the_menu_what_it_shows_already(
    fake: FakeEngine, beside: str
) -> None:
    """Streamlit would put it in the place of what was clicked while the look was under way."""
    at = again(button(opened(beside=beside, panels="mse,auc"), "start").click().run())
    fake.epoch = 30
    menu = {"v_panels", "v_smooth"}
    assert not told(again(at.run())) & menu
    fake.epoch = 40
    assert not told(again(at.run())) & menu
    at.button_group(key="v_panels").set_value(["mse", "auc", "loss"])
    assert "v_panels" not in told(again(at.run()))
    assert params(at)["panels"] == "loss,auc,mse"


def test_a_running_launch_is_found_again_from_its_url(fake: FakeEngine) -> None:
    first = again(button(opened(), "start").click().run())
    fake.epoch = 37
    other = opened(**params(first))
    assert "Epoch 37 of 120, about 5 s left" in said(other)
    assert len(fake.launches) == 1


def test_a_url_with_the_launch_alone_brings_its_settings_back(fake: FakeEngine) -> None:
    at = opened(lam="4", d="16", seeds="2")
    button(at, "start").click().run()
    other = opened(launch="L0")
    assert other.select_slider(key="f_lam").value == 4.0
    assert params(other)["d"] == "16"
    assert params(other)["seeds"] == "2"


def test_pause_resume_stop(fake: FakeEngine) -> None:
    at = again(button(opened(), "start").click().run())
    fake.epoch = 10
    at = again(button(at.run(), "pause").click().run())
    assert "Paused at epoch 10 of 120" in said(at)
    at = again(button(at, "resume").click().run())
    assert "Epoch 10 of 120" in said(at)
    at = again(button(at, "stop").click().run())
    assert "Stopped after 10 of 120 epochs" in said(at)
    assert not button(at, "start").disabled


def test_the_end_gives_a_verdict_tables_and_files(fake: FakeEngine) -> None:
    at = again(button(opened(), "start").click().run())
    fake.epoch = 200
    at = again(at.run())
    text = said(at)
    assert "Constraint: :green[met]" in text
    assert "Predictor:" in text
    assert "Weights:" in text
    assert "true ideal loss" in text
    assert "| AUC |" in text
    assert "True ideal loss" in text
    assert "python -m engine train" in at.code[0].value
    assert "--dataset simulated-small" in at.code[0].value


def test_balance_the_label_too_launches_with_both_moments(fake: FakeEngine) -> None:
    at = again(button(opened(), "start").click().run())
    fake.epoch = 200
    at = again(at.run())
    assert button(at, "try_next").label == "Balance the label too"
    again(button(at, "try_next").click().run())
    assert fake.configs["L1-0"].moments == ("e", "r")
    assert fake.configs["L1-0"].lam == fake.configs["L0-0"].lam


def test_a_launch_that_is_not_there_is_said_in_words(fake: FakeEngine) -> None:
    at = opened(launch="gone", lam="4")
    assert "Launch gone is not in this store" in said(at)
    assert at.select_slider(key="f_lam").value == 4.0
    assert "launch" not in params(at)


@pytest.mark.parametrize(
    ("name", "value"),
    [("lam", "-3"), ("epochs", "0"), ("d", "x"), ("method", "bpr"), ("seeds", "99"), ("foo", "1")],
)
def test_a_wrong_value_in_the_url_is_said_beside_its_field(
    fake: FakeEngine, name: str, value: str
) -> None:
    at = opened(**{name: value})
    assert f":red[{name}: got '{value}'; allowed:" in said(at)
    assert button(at, "start").disabled
    assert params(at)[name] == value


def test_free_lam_and_its_error(fake: FakeEngine) -> None:
    at = opened()
    at = again(at.text_input(key="f_free").set_value("1/3").run())
    assert at.select_slider(key="f_lam").value == pytest.approx(1 / 3)
    at = again(at.text_input(key="f_free").set_value("lots").run())
    assert "lam: got 'lots'" in said(at)
    assert at.text_input(key="f_free").value == "lots"


def test_what_the_engine_refuses_at_start_is_said_and_nothing_is_lost(fake: FakeEngine) -> None:
    at = opened(uniform_fraction="0.0001")
    at = again(button(at, "start").click().run())
    assert ":red[uniform_fraction: got 0.0001" in said(at)
    assert not fake.launches
    assert params(at)["uniform_fraction"] == "0.0001"


def test_a_failed_run_says_why(fake: FakeEngine) -> None:
    at = again(button(opened(), "start").click().run())
    fake.epoch, fake.error = 3, "the loss is not a number"
    at = again(at.run())
    assert "Failed after 3 of 120 epochs" in said(at)
    assert "the loss is not a number" in said(at)


def test_no_worker_is_said_in_words(fake: FakeEngine) -> None:
    at = again(button(opened(), "start").click().run())
    fake.workers_alive = 0
    assert "no worker is running" in said(again(at.run()))


@pytest.mark.parametrize("told", [True, False])
def test_the_bias_of_the_estimate_stands_beside_its_cause(fake: FakeEngine, told: bool) -> None:
    at = button(opened(seeds="2"), "start").click().run()
    fake.epoch = 200
    if told:
        fake.facts = STRONG
    text = said(again(at.run()))
    assert ("Bias of the estimate, and its cause" in text) == told
    assert ("+0.0382 ± 0.0020" in text) == told
    assert ("Measured bias and covariance agree within the interval" in text) == told


def test_base_method_alone(fake: FakeEngine) -> None:
    at = opened(balance="none", method="mf", dataset="coat", seeds="1")
    assert at.select_slider(key="f_lam").disabled
    at = again(button(at, "start").click().run())
    assert fake.find_launch("L0").twins == {}
    fake.epoch = 200
    at = again(at.run())
    assert "The base method alone" in said(at)
    assert "real data" in said(at)


def keys(at: AppTest) -> set[str]:
    kinds = (at.selectbox, at.number_input, at.checkbox, at.text_input)
    return {w.key.removeprefix("f_") for kind in kinds for w in kind if w.key}


def chosen(at: AppTest, name: str, value: object) -> AppTest:
    return again(at.selectbox(key=f"f_{name}").set_value(value).run())


def test_base_methods_are_a_list_with_a_line_on_the_one_chosen(fake: FakeEngine) -> None:
    at = opened()
    box = at.selectbox(key="f_method")
    assert len(box.options) == 9
    assert {"AutoDebias", "MF (uniform)"} <= set(box.options)
    assert "Biased ratings weighted by the inverse of their propensity." in said(at)
    at = chosen(at, "method", "dr")
    assert "Imputed errors everywhere" in said(at)
    assert params(at)["method"] == "dr"


@pytest.mark.parametrize("name", [info.name for info in FakeEngine().methods()])
def test_every_method_opens_and_starts(fake: FakeEngine, name: str) -> None:
    at = opened(method=name, seeds="1")
    assert ":red[" not in said(at)
    again(button(at, "start").click().run())
    launch = fake.find_launch("L0")
    assert fake.configs[launch.runs[0]].method == name
    fake.epoch = 200
    again(at.run())


def test_a_method_without_a_constraint_has_no_balance_to_choose(fake: FakeEngine) -> None:
    at = opened(method="cause", balance="learned", lam="4")
    (balance,) = (w for w in at.get("button_group") if w.key == "f_balance")
    assert balance.disabled
    assert at.select_slider(key="f_lam").disabled
    assert "CausE has no balance constraint" in said(at)
    assert "No weights" in said(at)
    assert params(at)["balance"] == "none"
    assert not button(at, "start").disabled
    again(button(at, "start").click().run())
    assert fake.find_launch("L0").twins == {}


def test_settings_come_and_go_with_what_they_belong_to(fake: FakeEngine) -> None:
    at = opened()
    assert not keys(at) & {"imputation", "omega_lr", "folds", "weights_dim", "propensity_dim"}
    at = chosen(at, "method", "autodebias")
    assert {"omega_lr", "imputation_weight", "schedule"} <= keys(at)
    assert not keys(at) & {"imputation", "propensity"}
    at = chosen(at, "residuals", "cross_fitted")
    at = again(at.number_input(key="f_folds").set_value(3).run())
    at = chosen(at, "weights_model", "ncf")
    at = chosen(at, "weights_mass", "released")
    assert {"weights_dim", "weights_model_all"} <= keys(at)
    at = chosen(at, "weights_model", "log_linear")
    assert ":red[" not in said(at)
    assert "weights_mass" not in params(at)
    assert params(at)["folds"] == "3"


def test_moments_are_chosen_by_name(fake: FakeEngine) -> None:
    at = chosen(opened(), "moments", ("e_by_popularity", "r"))
    assert params(at)["moments"] == "e_by_popularity,r"
    other = opened(moments="e,user:age")
    assert other.selectbox(key="f_moments").value == ("e", "user:age")


def test_exact_weights_that_are_not_penalised_leave_lam_alone(fake: FakeEngine) -> None:
    at = opened(balance="exact", constraint="hard")
    assert at.select_slider(key="f_lam").disabled
    assert "met exactly, whatever λ" in said(at)
    assert "free" not in keys(at)
    assert not opened(balance="exact").select_slider(key="f_lam").disabled


def test_reset_goes_back_to_the_first_minute(fake: FakeEngine) -> None:
    at = opened(lam="4", d="16")
    button(at, "start").click().run()
    at = again(button(at, "reset").click().run())
    assert at.select_slider(key="f_lam").value == 8.0
    assert "launch" not in params(at)
    assert "d" not in params(at)
    assert "L0" in fake.launches
