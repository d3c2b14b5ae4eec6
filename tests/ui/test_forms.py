"""Config <-> URL without a browser: everything survives the round trip, nothing wrong raises."""

import shlex

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dashboard import forms, lam
from engine.config import RunConfig, make_config, options
from engine.methods import METHODS
from engine.offers import check
from engine.presets import preset

KNOWN = ("simulated-small", "coat")


@pytest.fixture(autouse=True)
def _engine(fake: object) -> None:
    """Forms talk to the stand-in engine."""


def form(lam_half: float | None = 8.0, **choices: object) -> forms.Form:
    return forms.form_of(choices, known=KNOWN, lam_half=lambda config: lam_half)


def test_the_first_minute() -> None:
    first = form(lam_half=9.3 / forms.DEFAULT_STRENGTH)
    config = first.config
    assert (config.dataset, config.method, config.balance) == ("simulated-small", "ips", "learned")
    assert (config.confounding, config.propensity) == ("strong", "given")
    assert (config.lam, first.seeds, first.errors) == (8.0, 5, {})


def test_without_a_forecast_the_preset_says_lam() -> None:
    assert form(lam_half=None).config.lam == preset("simulated-small", "ips").lam


@pytest.mark.parametrize(
    "config",
    [
        preset("simulated-small", "ips", lam=2**-6, moments=("e", "r")),
        preset("coat", "mf", balance="none", d=32, normalise_propensity=True),
        preset("coat", "ips", lam=0.3, uniform_fraction=0.1, weight_decay=1e-5, epochs=7),
        preset("simulated-small", "ips", confounding="weak", data_seed=3, dtype="float64", lam=0),
        preset("coat", "dr", lam=2, propensity="bilevel", propensity_start="constant"),
        preset("coat", "dr", lam=2, imputation="regression", imputation_dim=3, assumed_lr=1e-3),
        preset("coat", "dr", lam=2, residuals="cross_fitted", folds=3, target_support="covered"),
        preset("coat", "autodebias", lam=2, imputation_weight=0.5, omega_lr=0.1, omega_decay=0),
        preset("coat", "autodebias", lam=2, weights_model="mf", weights_model_all="ncf"),
        preset("coat", "autodebias", lam=2, schedule="sequential", uniform_reuse="split"),
        preset("coat", "ips", lam=2, weights_model="ncf", entropy_sign="minimise"),
        preset("coat", "ips", lam=2, weights_model="mf", weights_mass="released"),
        preset("coat", "mf", lam=2, balance="exact", constraint="tolerance", tolerance=2),
        preset("coat", "mf", lam=2, balance="exact", constraint="hard", ess_floor=0.1),
        preset("coat", "mf", lam=2, moments=("e_by_popularity", "r"), intercept=False),
        preset("coat", "mf", lam=2, moments=("e", "user:age"), initial="r1", best_after=5),
        preset("coat", "ltd", balance="none", propensity_dim=4, propensity_lr=0.1, phi_warmup=3),
        preset("coat", "kd-label", balance="none", teacher_weight=0.3),
        preset("coat", "cause", balance="none", teacher_pull=1),
    ],
)
def test_url_round_trip(config: object) -> None:
    params = forms.params_from_config(config, 3, "L1")
    back = form(**params)
    assert back.errors == {}
    assert back.seeds == 3
    if config.balance == "none":  # lambda then says nothing and is not in the URL
        config = make_config(**{**config.model_dump(), "lam": back.config.lam})
    assert back.config == config
    assert params["launch"] == "L1"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("lam", "-1"),
        ("lam", "nan"),
        ("lam", "many"),
        ("lam", "1e9"),
        ("epochs", "0"),
        ("d", "abc"),
        ("method", "bpr"),
        ("dataset", "netflix"),
        ("balance", "all"),
        ("moments", "e,e"),
        ("seeds", "0"),
        ("seeds", "five"),
        ("nonsense", "1"),
        ("uniform_fraction", "2"),
    ],
)
def test_a_wrong_value_is_a_sentence_and_the_preset_stands_in(name: str, value: str) -> None:
    wrong = form(**{name: value})
    assert list(wrong.errors) == [name]
    sentence = wrong.errors[name]
    assert sentence.startswith(f"{name}: got ")
    assert "allowed: " in sentence
    assert wrong.config == form().config


@pytest.mark.parametrize("name", METHODS)
def test_every_method_gives_a_form_that_can_be_trained(name: str) -> None:
    for chosen in ({}, {"balance": "learned"}, {"balance": "exact"}, {"balance": "none"}):
        made = form(method=name, **chosen)
        assert made.errors == {}
        assert made.config.balance in METHODS[name].info.balances
        check(forms.configs(made)[0])
        assert form(**forms.params_from_config(made.config, 1)).config == made.config


def test_a_method_without_a_constraint_takes_the_balance_of_another_for_none() -> None:
    alone = form(method="ltd", balance="learned", lam="4")
    assert (alone.config.balance, alone.errors) == ("none", {})
    assert not alone.config.balanced
    choices = forms.params_from_config(alone.config, 5)
    assert choices["balance"] == "none"
    assert form(**forms.after(choices, "method", "dr")).config.balance == "learned"
    chosen = forms.after({"method": "ips", "balance": "none"}, "method", "dr")
    assert form(**chosen).config.balance == "none"


def test_what_a_method_does_not_take_is_a_sentence() -> None:
    wrong = form(method="ltd", propensity="given")
    assert wrong.errors == {"propensity": "propensity: got 'given'; allowed: bilevel for LTD."}
    assert wrong.config.propensity == "bilevel"


@pytest.mark.parametrize(
    ("choices", "name"),
    [
        ({"entropy_sign": "minimise"}, "entropy_sign"),
        ({"weights_mass": "released"}, "weights_mass"),
        ({"weights_map": "sigmoid"}, "weights_map"),
        ({"weights_model_all": "ncf"}, "weights_model_all"),
        ({"penalty": "block", "residuals": "held_out"}, "penalty"),
        ({"method": "dr", "balance": "exact", "weights_model": "mf"}, "weights_model"),
    ],
)
def test_choices_that_do_not_go_together_are_a_sentence(choices: dict, name: str) -> None:
    wrong = form(**choices)
    assert list(wrong.errors) == [name]
    assert isinstance(wrong.config, RunConfig)


CHOICES = {name: options(name) for name in RunConfig.model_fields if options(name)}


@given(st.fixed_dictionaries({}, optional={n: st.sampled_from(v) for n, v in CHOICES.items()}))
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_mixture_of_choices_raises_and_what_is_kept_can_be_chosen_again(choices: dict) -> None:
    mixed = form(**choices)
    assert mixed.config.balance in METHODS[mixed.config.method].info.balances
    kept = {k: v for k, v in choices.items() if k not in mixed.errors}
    assert form(**kept).config == mixed.config
    for name, value in kept.items():
        assert form(**forms.after(kept, name, value)).errors == {}


def test_an_earlier_choice_gives_way_to_one_it_does_not_go_with() -> None:
    mf = {"weights_model": "mf", "weights_mass": "released", "entropy_sign": "minimise", "d": 7}
    assert forms.after(mf, "weights_model", "log_linear") == {"weights_model": "log_linear", "d": 7}
    assert forms.after(mf, "weights_model", "ncf") == mf | {"weights_model": "ncf"}
    assert forms.after({"penalty": "block"}, "residuals", "held_out") == {"residuals": "held_out"}
    exact = forms.after({"method": "dr", "weights_model": "mf"}, "balance", "exact")
    assert exact == {"method": "dr", "balance": "exact"}
    assert form(**exact).errors == {}


def test_a_choice_that_was_wrong_before_stays_beside_its_sentence() -> None:
    assert forms.after({"lam": "lots"}, "d", 8) == {"lam": "lots", "d": 8}


def test_several_wrong_values_each_have_their_sentence() -> None:
    wrong = form(lam="-1", d="x", seeds="3")
    assert set(wrong.errors) == {"lam", "d"}
    assert wrong.seeds == 3


def test_names_that_are_not_settings_are_left_alone() -> None:
    assert form(launch="L9", embed="true").errors == {}


@pytest.mark.parametrize(
    ("text", "lam"),
    [("2^-6", 2**-6), ("2**3", 8), ("2⁻⁶", 2**-6), ("2⁸", 256), ("1/64", 1 / 64), ("0.25", 0.25)],
)
def test_lam_as_people_write_it(text: str, lam: float) -> None:
    assert form(lam=text).config.lam == lam
    assert form(lam=text).errors == {}


def test_plain_28_is_not_a_power_of_two() -> None:
    assert form(lam="28").config.lam == 28


def test_slider_offers_the_grid_and_a_value_between() -> None:
    options = lam.lam_options(0.3)
    assert options[0] == 0
    assert 0.3 in options
    assert options == sorted(options)
    assert lam.on_grid(0) == 256
    assert lam.on_grid(5) == 4
    assert lam.on_grid(1e9) == 256


def test_a_new_data_set_forgets_what_no_longer_fits() -> None:
    choices = {"lam": 4.0, "propensity": "given", "d": 32}
    assert forms.after(choices, "dataset", "coat") == {"dataset": "coat", "d": 32}
    assert forms.after(choices, "d", 8) == {**choices, "d": 8}


def test_seeds_vary_initialisation_and_split_together() -> None:
    made = forms.configs(form(seeds="3"))
    assert [(c.seed, c.split_seed) for c in made] == [(0, 0), (1, 1), (2, 2)]
    assert len({c.group_key() for c in made}) == 1


def test_command_line_names_what_differs_from_the_preset() -> None:
    config = preset("csv:my data.csv", "ips", lam=0.5, d=7)
    words = shlex.split(forms.command_line(config))
    assert words[:4] == ["python", "-m", "engine", "train"]
    options = dict(zip(words[4::2], words[5::2], strict=True))
    assert options["--dataset"] == "csv:my data.csv"
    assert (options["--lam"], options["--d"], options["--seed"]) == ("0.5", "7", "0")
    assert "--lr" not in options
    assert "for k in 0 1; do" in forms.command_line(config, 2)


def test_a_launch_gives_its_choices_back() -> None:
    made = forms.configs(form(lam="4", d="16", seeds="2"))
    back = form(**forms.form_of_runs(made))
    assert forms.configs(back) == made
