"""Choices <-> plans of the table studies, as pure functions: what was chosen, checked, its link.

A form starts from raw text by name (of the URL or of widgets). What is wrong is left out with a
sentence beside its control, and the default stands in; nothing starts while a sentence stands.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dashboard.lam import parse_lam
from dashboard.settings import method_of
from engine import api

TABLES = {"2": "table2", "3": "table3", "4": "table4"}
NAMES = (
    *("table", "datasets", "seeds", "moments", "methods"),
    *("lam", "epochs", "confounding", "part", "family"),
)
BOTH = "both"
MOMENTS = ("e", "e,r", BOTH)  # the last for Table 2 alone, where it is the default
PARTS = ("test_clean", "test")
SEEDS_DEFAULT, SEEDS_MAX = 10, 50
LAM = 4.0


@dataclass(frozen=True)
class Form:
    """What the controls say. errors: a sentence by name; fixed: settings of all runs of a study.

    methods: base methods of Table 2, () for all. family: the family of claims shown, "" for the
    first.
    """

    table: str = "2"
    datasets: tuple[str, ...] = ()
    seeds: int = SEEDS_DEFAULT
    moments: str = BOTH
    methods: tuple[str, ...] = ()
    fixed: Mapping[str, Any] = field(default_factory=dict)
    part: str = PARTS[0]
    family: str = ""
    errors: Mapping[str, str] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """The study's kind."""
        return TABLES[self.table]

    @property
    def simulated(self) -> bool:
        """Whether any of the data are simulated."""
        return any(name.startswith("simulated") for name in self.datasets)


def form_of(raw: Mapping[str, str], *, known: tuple[str, ...], default: str) -> Form:
    """The form that raw choices give; what is wrong becomes a sentence, never an exception.

    Args:
        known: the data sets there are; others may be given as "csv:PATH".
        default: the data set shown when none is chosen.
    """
    errors: dict[str, str] = {}

    def read(name: str, parse: Any, otherwise: Any) -> Any:
        if not raw.get(name):
            return otherwise
        try:
            return parse(raw[name])
        except api.FieldError as error:
            errors[name] = str(error)
            return otherwise

    table = read("table", lambda text: _one("table", text, tuple(TABLES)), "2")
    offered = MOMENTS if table == "2" else MOMENTS[:2]
    wanted = read("moments", lambda text: _one("moments", text, MOMENTS), "")
    form = Form(
        table=table,
        datasets=read("datasets", lambda text: _datasets(text, known), (default,)),
        seeds=read("seeds", _seeds, SEEDS_DEFAULT),
        moments=wanted if wanted in offered else (BOTH if table == "2" else "e"),
        methods=read("methods", _methods, ()) if table == "2" else (),
        fixed=_fixed(read),
        part=read("part", lambda text: _one("part", text, PARTS), PARTS[0]),
        family=raw.get("family", ""),
        errors=errors,
    )
    return _that_trains(form)


def _fixed(read: Any) -> dict[str, Any]:
    found = {
        "lam": read("lam", lambda text: api.make_config(lam=parse_lam(text)).lam, None),
        "epochs": read("epochs", _epochs, None),
        "confounding": read("confounding", _confounding, None),
    }
    return {name: value for name, value in found.items() if value is not None}


def _that_trains(form: Form) -> Form:
    """The form, with a sentence where its choices together make no study."""
    for dataset in form.datasets:
        try:
            plan_of(form, dataset)
        except api.FieldError as error:
            errors = {error.field: str(error)} | dict(form.errors)
            return Form(form.table, form.datasets, form.seeds, part=form.part, errors=errors)
    return form


def plan_of(form: Form, dataset: str) -> Any:
    """The study of one data set.

    Raises:
        ConfigError: the choices contradict each other.
    """
    fixed = dict(form.fixed)
    if not dataset.startswith("simulated"):
        fixed.pop("confounding", None)
    seeds = tuple(range(form.seeds))
    if form.table == "2":
        wanted = ("e", "e,r") if form.moments == BOTH else (form.moments,)
        forms = tuple(("learned", tuple(moments.split(","))) for moments in wanted)
        return api.make_plan(
            "table2", dataset, seeds=seeds, methods=form.methods, forms=forms, **fixed
        )
    moments = tuple(form.moments.split(","))
    if moments != ("e",):
        fixed["moments"] = moments
    return api.make_plan(form.kind, dataset, seeds=seeds, **fixed)


def shared(form: Form, dataset: str) -> dict[str, Any]:
    """The settings that the list of claims shares with the table."""
    kept = ("epochs", "confounding") if dataset.startswith("simulated") else ("epochs",)
    return {name: value for name, value in form.fixed.items() if name in kept}


def params_of(form: Form, raw: Mapping[str, str]) -> dict[str, str]:
    """The URL's parameters: table, data sets and seeds always, the rest where it was chosen.

    A wrong choice stays, beside its sentence, until it is put right.
    """
    params = {
        "table": form.table,
        "datasets": ",".join(form.datasets),
        "seeds": str(form.seeds),
    }
    more = ("moments", "methods", "lam", "epochs", "confounding", "part", "family")
    params |= {name: raw[name] for name in more if raw.get(name)}
    return params | {name: raw[name] for name in form.errors if raw.get(name)}


def command(form: Form, dataset: str) -> str:
    """The shell command that trains and prints the same study."""
    words = [f"python -m engine study {form.kind} --dataset {_quoted(dataset)}"]
    words.append(f"--seeds {form.seeds}")
    if form.methods:
        words.append(f"--methods {','.join(form.methods)}")
    if form.table != "2" and form.moments != "e":
        words.append(f"--moments {form.moments}")
    for name, value in form.fixed.items():
        if name != "confounding" or dataset.startswith("simulated"):
            words.append(f"--{name} {value:g}" if name == "lam" else f"--{name} {value}")
    return " ".join(words)


def _quoted(text: str) -> str:
    return text if re.fullmatch(r"[\w.,:/+-]+", text) else "'" + text.replace("'", "'\\''") + "'"


def _one(name: str, text: str, allowed: tuple[str, ...]) -> str:
    if text in allowed:
        return text
    raise api.ConfigError(name, text, "one of " + ", ".join(allowed))


def _datasets(text: str, known: tuple[str, ...]) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    for name in names:
        if name not in known and not name.startswith("csv:"):
            raise api.ConfigError("datasets", name, f"of {', '.join(known)}, or csv:PATH")
    return names


def _seeds(text: str) -> int:
    if text.strip().isdigit() and 1 <= int(text) <= SEEDS_MAX:
        return int(text)
    raise api.ConfigError("seeds", text, f"a whole number from 1 to {SEEDS_MAX}")


def _epochs(text: str) -> int:
    if text.strip().isdigit() and int(text) > 0:
        return int(text)
    raise api.ConfigError("epochs", text, "a whole number from 1")


def _methods(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    known = [info.name for info in api.methods()]
    for name in names:
        if name not in known:
            raise api.ConfigError("methods", name, "one or more of " + ", ".join(known))
    return tuple(method_of(name).name for name in names)


def _confounding(text: str) -> str:
    return _one("confounding", text, tuple(map(str, api.options("confounding"))))
