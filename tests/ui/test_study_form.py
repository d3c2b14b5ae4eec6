"""What a study page makes of raw choices: plans, sentences about what is wrong, link, command."""

import shlex

import pytest
from typer.testing import CliRunner

from dashboard.studying import form as forms
from dashboard.studying import takeaway
from dashboard.text import curves
from dashboard.text import studies as text
from engine import api
from engine.cli import study as command
from engine.studies.shape import Shape
from engine.studies.summary import Choice

FIRST = ["simulated-small"]


def read(kind: str = "lambda", **raw: str) -> forms.Form:
    return forms.read(kind, raw, FIRST)


def test_nothing_chosen_is_the_papers_study_on_what_is_shown_first() -> None:
    form = read()
    (plan,) = form.plans
    assert plan.id == api.make_plan("lambda", "simulated-small").id  # the command line's own
    assert len(plan) == 3 * 9 * 5
    assert forms.as_params(form, {}) == {"datasets": "simulated-small"}
    assert read("uniform").plans[0].id == api.make_plan("uniform", "simulated-small").id


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        ("lambda", {"datasets": "coat,simulated-small", "values": "0,1/64,3", "seeds": "2"}),
        ("lambda", {"methods": "mf,dr", "moments": "e,r", "epochs": "7", "confounding": "weak"}),
        ("lambda", {"view": "errors", "show": "gains", "part": "test"}),
        ("uniform", {"extra": "dr,bal-dr", "values": "0.01,0.025", "lam": "1/2"}),
    ],
)
def test_a_link_gives_the_same_form_again(kind: str, raw: dict) -> None:
    form = forms.read(kind, raw, FIRST)
    assert not form.errors
    params = forms.as_params(form, raw)
    assert forms.read(kind, params, []) == form
    assert params.items() >= raw.items()


def test_values_are_read_as_people_write_them() -> None:
    assert read(values="2^-6, 1/4,0 , 2⁻³,0.3").values == (0, 2**-6, 0.125, 0.25, 0.3)
    assert forms.read("uniform", {"values": "1 %,0.05,2.5%"}, FIRST).values == (0.01, 0.025, 0.05)
    assert forms.values_text((0.0, 2.0**-9, 0.3, 4.0)) == "0,1/512,0.3,4"


@pytest.mark.parametrize(
    ("kind", "name", "raw", "words"),
    [
        ("lambda", "values", "", "at least one value"),
        ("lambda", "values", "0,strong", "'strong'"),
        ("lambda", "values", "-1", "a number from 0"),
        ("lambda", "values", "nan", "a number from 0"),
        ("lambda", "values", "1e9", "a number from 0 to 65536"),
        ("uniform", "values", "0.2", "at most 0.1"),
        ("uniform", "values", "0", "above 0"),
        ("lambda", "methods", "", "one or more of"),
        ("lambda", "methods", "cause", "one or more of"),
        ("uniform", "extra", "bal-cause", "one or more of"),
        ("lambda", "seeds", "0", "from 1 up to 20"),
        ("lambda", "seeds", "many", "from 1 up to 20"),
        ("lambda", "moments", "x", "moments"),
        ("lambda", "epochs", "1.5", "whole number"),
        ("lambda", "confounding", "huge", "confounding"),
        ("lambda", "datasets", "", "at least one data set"),
        ("lambda", "datasets", "simulated-small,coats", "coat"),
    ],
)
def test_what_is_wrong_is_said_beside_its_control_and_the_rest_stands(
    kind: str, name: str, raw: str, words: str
) -> None:
    form = forms.read(kind, {name: raw}, FIRST)
    assert list(form.errors) == [name]
    assert words in form.errors[name]
    assert form.plans  # the page stays
    assert forms.as_params(form, {name: raw})[name] == raw  # and stays in the link


def test_values_that_can_be_read_stand_beside_one_that_cannot() -> None:
    form = read(values="0,strong,4,weak")
    assert form.values == (0.0, 4.0)
    assert "'strong'" in form.errors["values"]


def test_a_data_set_nobody_knows_is_left_out_of_the_figure() -> None:
    form = read(datasets="coats,simulated-small")
    assert [plan.dataset for plan in form.plans] == ["simulated-small"]
    assert "did you mean coat?" in form.errors["datasets"]


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        ("lambda", {"values": "0,1/64,3", "seeds": "2", "methods": "mf,dr", "moments": "e,r"}),
        ("lambda", {"confounding": "weak", "epochs": "3"}),
        ("uniform", {"extra": "dr,bal-dr", "values": "1/100,1/40", "lam": "1/2", "seeds": "1"}),
    ],
)
def test_the_command_trains_the_very_same_runs(
    kind: str, raw: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = forms.read(kind, raw, FIRST)
    asked: list[api.Plan] = []
    monkeypatch.setattr(command, "_train", lambda plan, *rest: asked.append(plan))
    monkeypatch.setattr(command, "_print", lambda study, as_json: None)
    words = shlex.split(forms.command_lines(form))
    assert words[:4] == ["python", "-m", "engine", "study"]
    from engine.cli.app import app

    result = CliRunner().invoke(app, words[3:])
    assert result.exit_code == 0, result.output
    prints = lambda plan: [cell.config.fingerprint() for cell in plan.cells()]  # noqa: E731
    assert prints(asked[0]) == prints(form.plans[0])


def interval(mean: float, half: float) -> tuple[float, float, float]:
    return mean, mean - half, mean + half


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        (
            Shape(
                "rises_then_falls",
                0,
                4,
                256,
                interval(0.02, 0.005),
                interval(0.01, 0.004),
                0.006,
                5,
            ),
            "rises then falls: it improves by 0.0200 (0.0150 to 0.0250) from λ = 0 to 2² and "
            "loses 0.0100 (0.0060 to 0.0140) from λ = 2² to 2⁸",
        ),
        (
            Shape("flat", 0, 256, 256, interval(0.001, 0.02), interval(0, 0.0), 0.02, 3),
            "no change of AUC is sure. The best λ, 2⁸, is 0.001 better than 0; 3 seeds show "
            "changes of 0.020 and more for sure.",
        ),
        (
            Shape("flat", 0, 0, 256, interval(0, 0.0), interval(0.001, 0.02), 0.02, 3),
            "The best λ, 0, is 0.001 better than 2⁸; 3 seeds",
        ),
        (
            Shape("flat", 0, 4, 256, interval(0.003, 0.1), interval(0.01, 0.1), 0.11, 3),
            "The best λ, 2², is as good as 0 and 0.01 better than 2⁸; 3 seeds",
        ),
        (
            Shape("falls", 0, 0, 1, interval(0, 0.0), interval(0.1, 0.02), 0.02, 3),
            "; no λ is better than 0.",
        ),
        (
            Shape("falls", 0, 1, 4, interval(0, 0.1), interval(0.1, 0.02), 0.02, 3),
            "no gain before",
        ),
        (
            Shape("rises", 0, 1, 1, interval(0.1, 0.02), interval(0, 0.0), 0.02, 3),
            "no larger one was tried",
        ),
        (
            Shape("rises", 0, 1, 4, interval(0.1, 0.02), interval(0, 0.1), 0.02, 3),
            "no loss after",
        ),
        (
            Shape("unknown", 0, 1, 1, (0.1, float("nan"), float("nan")), interval(0, 0), 0.02, 1),
            "one seed tells no noise",
        ),
        (None, "not known at two λ yet"),
    ],
)
def test_a_curve_in_a_sentence(shape: Shape | None, words: str) -> None:
    assert words in curves.curve("Bal-IPS", "AUC", shape)


def test_a_loss_falls_where_a_score_rises() -> None:
    shape = Shape(
        "rises_then_falls", 0, 4, 256, interval(0.02, 0.005), interval(0.01, 0.004), 0.01, 5
    )
    assert "MSE falls then rises: it improves by" in curves.curve("Bal-IPS", "MSE", shape, True)


def test_the_choice_on_validation_and_its_regret() -> None:
    chosen = Choice("ips", "auc", 64.0, 256.0, 4.0, 0.0123)
    said = curves.choice("Bal-IPS", chosen, "AUC")
    assert "validation chooses λ = 2⁶; λ = 2², best on test, would have given 0.012 more" in said
    same = Choice("ips", "auc", 4.0, 4.0, 4.0, 0.0)
    assert "the best on test too" in curves.choice("Bal-IPS", same, "AUC")


def test_a_command_is_folded_and_stays_the_same_to_a_shell() -> None:
    raw = {"values": "0,1/64,1,16,64", "methods": "ips,dr", "epochs": "41", "seeds": "3"}
    line = forms.command_lines(read(**raw))
    lines = takeaway.folded(line).split("\n")
    assert len(lines) == 3
    assert max(map(len, lines)) <= takeaway.SHELL_WIDTH + 2
    assert all(later.startswith("  --") for later in lines[1:])
    assert shlex.split("\n".join(lines).replace("\\\n", "")) == shlex.split(line)


def test_what_commands_share_is_said_once() -> None:
    how = "2026-11-25, commit c0, torch 2"
    said = text.earlier({"coat": 5}, [f"study a --values 0,1, {how}", f"study b, {how}"])
    assert said.endswith(f"take their place: study a --values 0,1, study b, {how}.")


def test_estimates_and_states_in_words() -> None:
    assert text.to_train(135, 135, (720.0, True), 2) == (
        "135 of 135 runs to train, about 6 min on 2 cores."
    )
    assert text.to_train(3, 9, (0.0, False), 2) == (
        "3 of 9 runs to train, nothing like them was timed yet."
    )
    assert "more than 30 s on 1 core" in text.to_train(3, 9, (30.0, False), 1)
    assert text.status("active", 3, 9, (60.0, True), 2) == "Training: 3 of 9 runs, about 30 s left"
    assert "python -m engine worker" in text.status("active", 3, 9, (60.0, True), 0)
    failed = text.failed("Bal-DR", 8.0, "lam", 2, "loss is not finite.")
    assert failed == "Bal-DR at λ = 2³, seed 2, failed: loss is not finite."
