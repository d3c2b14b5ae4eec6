"""Studies as data: which runs they are, and what makes no study."""

import pytest

from engine.config import make_config
from engine.errors import ConfigError
from engine.studies import KINDS, Plan, Series, make_plan
from engine.studies.named import FRACTIONS, LAMS, PAPER_LAMS


def one(**changes) -> Plan:
    fields = {"kind": "grid", "title": "t", "dataset": "simulated-small", "seeds": (0,)}
    fields["series"] = (Series(key="a", label="A", config=make_config()),)
    return Plan(**{**fields, **changes})


def test_the_lambda_study_is_the_papers_figure_2_and_goes_further():
    plan = make_plan("lambda", "coat", seeds=range(2))
    assert [series.label for series in plan.series] == ["Bal-IPS", "Bal-DR", "Bal-AutoDebias"]
    assert set(PAPER_LAMS) < set(plan.values) == set(LAMS)
    cells = list(plan.cells())
    assert len(cells) == len(plan) == 3 * 9 * 2
    assert {cell.seed for cell in cells[:27]} == {0}  # whole curves come seed by seed
    for cell in cells:
        assert (cell.config.lam, cell.config.seed, cell.config.split_seed) == (
            *(cell.x, cell.seed, cell.seed),
        )


def test_seeds_of_simulated_data_draw_new_data_and_those_of_real_data_new_splits():
    for dataset, drawn in (("simulated-small", 3), ("coat", 0)):
        cell = next(make_plan("table2", dataset, seeds=(3,)).cells())
        assert (cell.config.data_seed, cell.config.split_seed) == (drawn, 3)


def test_the_point_at_lambda_zero_is_the_table_s_base_method():
    tables = {c.config.fingerprint() for c in make_plan("table2", "coat", seeds=(0,)).cells()}
    zero = [c for c in make_plan("lambda", "coat", seeds=(0,)).cells() if c.x == 0]
    four = [c for c in make_plan("lambda", "coat", seeds=(0,)).cells() if c.x == 4]
    assert {cell.config.fingerprint() for cell in zero + four} <= tables


def test_the_uniform_size_study_keeps_validation_and_test_fixed():
    plan = make_plan("uniform", "coat", seeds=(0,), extra=("bal-ips",))
    assert plan.values == FRACTIONS
    assert {cell.config.split for cell in plan.cells()} == {"nested"}
    keys = [series.key for series in plan.series]
    assert keys == [
        *("mf", "cause", "kd-label", "autodebias", "bal-autodebias", "mf-uniform", "bal-ips"),
    ]


def test_table_3_starts_from_its_baselines_and_table_4_has_both_balancing_models():
    table3 = make_plan("table3", "coat")
    assert [series.start for series in table3.series].count("") == 3
    assert {s.base for s in table3.series if s.start} == {"ips", "dr", "autodebias"}
    models = [
        (s.config.weights_model_all, s.config.weights_model)
        for s in make_plan("table4", "coat").series
    ]
    assert models == [("mf", "mf"), ("mf", "ncf"), ("ncf", "mf"), ("ncf", "ncf")]


def test_a_grid_of_ones_own_takes_any_field_against_any_other():
    plan = make_plan(
        "grid", "simulated-small", axis="d", values=(4, 8), against="moments",
        levels=(("e",), ("e", "r")), seeds=(0, 1), lam=2.0,
    )  # fmt: skip
    assert len(plan) == 8
    assert [series.label for series in plan.series] == ["moments e", "moments e, r"]
    assert {cell.config.d for cell in plan.cells()} == {4, 8}


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "grid"])
def test_a_plan_survives_json_and_keeps_its_id(kind):
    plan = make_plan(kind, "simulated-small", seeds=range(2))
    again = Plan.model_validate_json(plan.model_dump_json())
    assert again == plan
    assert again.id == plan.id
    assert make_plan(kind, "simulated-small", seeds=range(3)).id != plan.id
    assert len({(c.series.key, c.x, c.seed) for c in plan.cells()}) == len(plan)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: make_plan("lamda", "coat"), ["kind", "lamda", "lambda"]),
        (lambda: make_plan("lambda", "coats"), ["dataset", "coats", "coat"]),
        (lambda: make_plan("lambda", "coat", seeds=()), ["seeds", "at least one"]),
        (lambda: make_plan("lambda", "coat", values=()), ["values", "at least one value of lam"]),
        (lambda: make_plan("lambda", "coat", values=(1.0, 1.0)), ["values", "each once"]),
        (lambda: make_plan("lambda", "coat", values=(-1.0,)), ["lam", "-1", "from 0"]),
        (lambda: make_plan("lambda", "coat", methods=("ltd",)), ["methods", "ltd", "mf, ips"]),
        (lambda: make_plan("lambda", "coat", seeds=(-1,)), ["seeds", "-1", "from 0"]),
        (lambda: make_plan("lambda", "coat", lamda=1), ["lamda", "did you mean"]),
        (
            lambda: make_plan("lambda", "coat", seeds=range(50_000)),
            ["study", "1,350,000 runs", "at most 1,000,000"],
        ),
        (lambda: make_plan("grid", "coat", axis="seed", values=(1,)), ["axis", "seed"]),
        (lambda: make_plan("grid", "coat", axis="dd", values=(1,)), ["axis", "dd"]),
        (lambda: make_plan("grid", "coat", axis="d", values=(4, 0)), ["d", "0", "from 1"]),
        (
            lambda: make_plan("grid", "coat", axis="d", values=(4,), against="d", levels=(1,)),
            ["against", "another field"],
        ),
        (
            lambda: make_plan("grid", "coat", axis="d", values=(4,), against="lam"),
            ["against", "levels"],
        ),
        (lambda: make_plan("grid", "coat", axis="d", values=(4,), d=8), ["axis", "fixed"]),
        (
            lambda: make_plan(
                "grid", "coat", axis="weights_map", values=("softmax", "sigmoid"),
            ),
            ["weights_map", "sigmoid", "softmax"],
        ),
        (lambda: one(series=()), ["series", "at least one"]),
        (lambda: one(values=(1,)), ["values", "none without an axis"]),
    ],
)  # fmt: skip
def test_what_makes_no_study_is_said_in_one_sentence(make, words):
    with pytest.raises(ConfigError) as caught:
        make()
    for word in words:
        assert word in str(caught.value)


def test_a_series_that_starts_from_none_of_the_study_is_refused():
    config = make_config()
    with pytest.raises(ConfigError, match="start"):
        one(series=(Series(key="a", label="A", config=config, start="b"),))
