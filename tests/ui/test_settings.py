"""Which settings are shown for which run: each has its place, and none where it changes nothing."""

import pytest

from dashboard import forms, settings
from dashboard.text import settings as text
from engine.config import RunConfig, options
from engine.methods import METHODS
from engine.presets import preset

MAIN = {"dataset", "confounding", "method", "balance", "lam"}
GROUPED = [name for names in settings.GROUPS.values() for name in names]


@pytest.fixture(autouse=True)
def _engine(fake: object) -> None:
    """Settings talk to the stand-in engine."""


def shown(method: str = "ips", dataset: str = "simulated-small", **changes: object) -> set[str]:
    config = preset(dataset, method, **changes)
    return {name for names in settings.shown(config).values() for name in names}


def test_every_field_of_a_run_has_one_place() -> None:
    assert len(GROUPED) == len(set(GROUPED))
    assert set(GROUPED) | MAIN | forms.BY_SEED == set(RunConfig.model_fields)
    assert not set(GROUPED) & (MAIN | forms.BY_SEED)
    assert set(settings.ONLY) <= set(GROUPED)


def test_every_field_is_shown_for_some_run() -> None:
    seen: set[str] = set()
    for method, entry in METHODS.items():
        for balance in entry.info.balances:
            seen |= shown(method, balance=balance, propensity=entry.info.propensities[-1])
    seen |= shown("dr", weights_model="mf")
    seen |= shown(residuals="cross_fitted")
    seen |= shown(balance="exact", constraint="tolerance")
    seen |= shown(sampler="pairs")
    assert seen == set(GROUPED)


OMEGAS = {"omega_lr", "omega_decay", "imputation_weight"}
IMPUTED = {"imputation", "imputation_dim", "imputation_lr", "imputation_decay"}
LEARNED_P = {"propensity_start", "propensity_dim", "propensity_lr", "propensity_decay"}
BILEVEL = {"schedule", "phi_warmup", "phi_optimizer", "uniform_reuse"}
FACTORS = {"weights_dim", "weights_lr", "weights_decay", "weights_map"} | {
    *("weights_mass", "entropy_sign")
}
EXACT = {"constraint", "ess_floor"}
TEACHER = {"teacher_weight", "teacher_pull"}
BALANCING = {*settings.GROUPS["Balancing"]}


@pytest.mark.parametrize(
    ("run", "there", "not_there"),
    [
        ({}, {"moments", "propensity", "penalty", "p_min"}, OMEGAS | IMPUTED | BILEVEL | TEACHER),
        ({}, {"weights_model"}, FACTORS | EXACT | LEARNED_P | {"folds", "weights_model_all"}),
        ({}, {"sampler", "block_users", "block_items"}, {"batch_size"}),
        ({"sampler": "pairs"}, {"sampler", "batch_size"}, {"block_users", "block_items"}),
        ({"method": "mf"}, {"moments"}, {"propensity", "p_min", "normalise_propensity"}),
        ({"method": "dr"}, IMPUTED | BILEVEL | {"assumed_lr"}, OMEGAS | LEARNED_P | TEACHER),
        ({"method": "dr", "imputation": "regression"}, IMPUTED, {"assumed_lr"}),
        ({"method": "dr", "propensity": "bilevel"}, LEARNED_P | {"p_min"}, OMEGAS),
        (
            {"method": "autodebias"},
            OMEGAS | BILEVEL,
            {"imputation", "imputation_dim", "propensity"},
        ),
        ({"method": "ltd", "balance": "none"}, LEARNED_P | BILEVEL, BALANCING | {"propensity"}),
        ({"method": "kd-label", "balance": "none"}, {"teacher_weight"}, {"teacher_pull"}),
        ({"method": "cause", "balance": "none"}, {"teacher_pull"}, {"teacher_weight"}),
        ({"balance": "none"}, {"propensity"}, BALANCING),
        ({"balance": "exact"}, EXACT, FACTORS | {"weights_model", "penalty", "tolerance"}),
        ({"balance": "exact", "constraint": "tolerance"}, {"tolerance"}, {"weights_model"}),
        ({"residuals": "cross_fitted"}, {"folds"}, {"penalty"}),
        ({"weights_model": "mf"}, FACTORS, {"weights_model_all"}),
        ({"weights_model": "mf", "method": "dr"}, FACTORS | {"weights_model_all"}, EXACT),
        ({"dataset": "coat"}, {"uniform_fraction"}, {"data_seed"}),
    ],
)
def test_settings_are_shown_where_they_matter(run: dict, there: set, not_there: set) -> None:
    found = shown(**run)
    assert there <= found
    assert not found & not_there


def test_no_group_is_empty() -> None:
    for method, entry in METHODS.items():
        config = preset("coat", method, balance=entry.info.balances[0])
        assert all(settings.shown(config).values())


def test_propensities_are_those_the_method_and_the_data_take() -> None:
    simulated = settings.offered("propensity", preset("simulated-small", "ips"))
    real = settings.offered("propensity", preset("coat", "dr"))
    assert "true" in simulated
    assert "true" not in real
    assert {"naive_bayes", "bilevel"} <= set(real)
    kept = preset("coat", "ips", propensity="true")  # from a link: wrong, but not lost
    assert "true" in settings.offered("propensity", kept)


def test_moments_offered_are_valid_each_with_its_name() -> None:
    names = [text.choice(moments) for moments in settings.MOMENTS]
    assert len(set(names)) == len(names)
    assert names[:3] == ["error e", "label r", "error e and label r"]
    assert names[3] == "error e, label r and mass 1/p"
    for moments in settings.MOMENTS:
        assert preset("coat", "ips", moments=moments).moments == moments
    own = preset("coat", "ips", moments=("e", "mass"))
    assert settings.offered("moments", own)[-1] == ("e", "mass")


def test_choices_have_names_one_can_tell_apart() -> None:
    for name in GROUPED:
        named = [text.choice(value) for value in options(name)]
        assert len(set(named)) == len(named)
        assert not any("_" in said for said in named)
        assert "_" not in text.label(name)
    assert set(text.NAMES) <= set(RunConfig.model_fields)


def test_lam_counts_unless_exact_weights_are_told_otherwise() -> None:
    counts = {
        how: settings.lam_counts(preset("coat", "ips", balance="exact", constraint=how))
        for how in options("constraint")
    }
    assert counts == {"penalised": True, "hard": False, "tolerance": False}
    assert settings.lam_counts(preset("coat", "ips"))
    assert not settings.lam_counts(preset("coat", "ips", balance="none"))
