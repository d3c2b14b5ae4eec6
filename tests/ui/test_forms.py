"""Config <-> URL without a browser: everything survives the round trip, nothing wrong raises."""

import shlex

import pytest

from dashboard import forms
from engine.config import make_config
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
    options = forms.lam_options(0.3)
    assert options[0] == 0
    assert 0.3 in options
    assert options == sorted(options)
    assert forms.on_grid(0) == 256
    assert forms.on_grid(5) == 4
    assert forms.on_grid(1e9) == 256


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
