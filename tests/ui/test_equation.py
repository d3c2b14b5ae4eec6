"""The equation panel: the paper's constraints term by term, with the numbers of an epoch."""

import math

import pytest

from dashboard.text.equation import COLUMNS, TERMS, bare, equation, meanings, symbols
from engine.events import EPOCH_COLUMNS
from engine.methods import METHODS

NOW = dict.fromkeys(COLUMNS, math.nan) | {
    **{"left_observed": 0.0461, "left_all": 0.1, "target": 0.14, "target_se": 0.0154},
    **{"violation": 0.0061, "violation_uniform": 0.0508, "lam": 8.0, "entropy": 0.9975},
    **{"ess": 0.96, "ess_estimate": 0.87, "constraint_violation": 0.0061},
}


def balanced_methods() -> set[str]:
    return {name for name, m in METHODS.items() if m.info.constraint}


def test_every_balanced_method_has_its_terms_in_the_order_of_its_supports() -> None:
    assert set(TERMS) == balanced_methods()
    for name, terms in TERMS.items():
        assert tuple(support for support, _ in terms) == METHODS[name].info.supports


def test_every_column_is_one_of_the_stores() -> None:
    assert set(COLUMNS) <= set(EPOCH_COLUMNS)


def test_numbers_stand_under_their_terms_and_add_up() -> None:
    said = equation("dr", "12", NOW, balanced=True)
    for number in ("0.1000", "0.0461", "0.1400", "0.0154", "+0.0061", "(12)"):
        assert number in said
    assert said.count("underbrace") == 3
    assert said.count("{") == said.count("}")
    base = equation("ips", "8", NOW, balanced=False)
    assert "+0.0508" in base
    older = equation("ips", "8", NOW | {"left_observed": math.nan}, balanced=True)
    assert "nan" not in older
    assert "0.1400" in older


@pytest.mark.parametrize("method", sorted(TERMS))
def test_every_symbol_has_a_number_and_a_meaning(method: str) -> None:
    found = symbols(method, NOW, True, 0.1)
    assert len({s.latex for s in found}) == len(found)
    for symbol in found:
        assert any(c.isdigit() for c in symbol.value)
        assert "nan" not in symbol.value
        assert len(symbol.meaning) > 30


def test_only_what_a_run_has_is_listed() -> None:
    names = {s.latex for s in symbols("ips", NOW, True, None)}
    assert {r"\lambda", "H(w)", r"\mathrm{ESS}(w/\hat p)"} <= names
    assert not {"s", r"r_{\text{label}}", r"r_{\text{in-sample}}"} & names
    more = NOW | {"violation_r": 0.01, "violation_in_sample": -0.02, "entropy_all": 0.999}
    names = {s.latex for s in symbols("dr", more, True, 0.1)}
    assert {"s", r"r_{\text{label}}", r"r_{\text{in-sample}}", "H(w_1)", "H(w_2)"} <= names
    assert r"\lambda" not in {s.latex for s in symbols("ips", NOW, False, 0.1)}


@pytest.mark.parametrize("method", sorted(TERMS))
def test_before_a_number_the_equation_stands_in_print_with_every_symbol_explained(
    method: str,
) -> None:
    said = bare(method, "8")
    assert not any(digit in said.replace("_{1", "").replace("_{2", "") for digit in "034567")
    assert said.count("{") == said.count("}")
    named = " ".join(latex for latex, _ in meanings(method, balanced=True))
    for symbol in ("w_{", r"\hat e_", r"\hat p_", r"\mathcal{D}", r"\mathcal{B}", r"\mathcal{U}"):
        assert (symbol in said) <= (symbol in named), symbol
    assert meanings(method, balanced=False)[-1] != meanings(method, balanced=True)[-1]
