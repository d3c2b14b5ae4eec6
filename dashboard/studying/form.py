"""Choices <-> plans, as pure functions: what the controls of a study say, checked, and its link.

A form starts from raw text by name (of the URL or of widgets). What is wrong is left out with a
sentence beside its control, and the default stands in; nothing is launched while a sentence stands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from dashboard.lam import parse_lam
from engine import api

KINDS = {"lambda": "λ study", "uniform": "Uniform size"}
NAMES = (
    *("datasets", "methods", "values", "seeds", "moments", "confounding", "epochs", "lam"),
    *("extra", "part", "view", "show"),
)
LOOKS = {  # what only the look of the figure depends on: name -> choices, the first is the default
    "part": ("test_clean", "test"),
    "view": ("ranking", "errors"),
    "show": ("values", "gains"),
}
SEEDS_DEFAULT, SEEDS_MAX = 5, 20
METHODS = ("ips", "dr", "autodebias")  # the paper's
BALANCED = ("mf", *METHODS)
MOMENTS = ("e",)
LAM = 4.0


@dataclass(frozen=True)
class Form:
    """What the controls say.

    plans: one a data set that can have one. values: of the axis. fixed: the parameters that all
    plans share. errors: a sentence by name.
    """

    kind: str
    datasets: tuple[str, ...]
    values: tuple[float, ...]
    seeds: int
    fixed: Mapping[str, Any]
    plans: tuple[api.Plan, ...]
    errors: Mapping[str, str] = field(default_factory=dict)
    looks: Mapping[str, str] = field(default_factory=dict)

    @property
    def simulated(self) -> bool:
        """Whether any of the data sets is simulated."""
        return any(name.startswith("simulated") for name in self.datasets)


def default_values(kind: str) -> tuple[float, ...]:
    """The engine's own grid of a kind of study."""
    return tuple(float(v) for v in api.STUDY_VALUES[kind])


def read(kind: str, raw: Mapping[str, str], datasets: Sequence[str]) -> Form:
    """The form that raw choices give.

    Args:
        datasets: what is shown where none was chosen.
    """
    errors: dict[str, str] = {}
    take = _Taker(raw, errors)
    chosen = take("datasets", _words, tuple(datasets))
    values = _values(kind, raw["values"], errors) if "values" in raw else default_values(kind)
    seeds = take("seeds", _seeds, SEEDS_DEFAULT)
    fixed: dict[str, Any] = {"moments": take("moments", _moments, MOMENTS)}
    if kind == "lambda":
        fixed["methods"] = take("methods", lambda text: _of("methods", text, BALANCED), METHODS)
    else:
        fixed["extra"] = take("extra", lambda text: _of("extra", text, extras()), ())
        fixed["lam"] = take("lam", _lam, LAM)
    epochs = take("epochs", _epochs, None)
    if epochs is not None:
        fixed["epochs"] = epochs
    confounding = take("confounding", _confounding, "strong")
    looks = {name: raw.get(name, "") for name in LOOKS}
    looks = {k: v if v in LOOKS[k] else LOOKS[k][0] for k, v in looks.items()}
    plans = []
    for dataset in chosen:
        own = {"confounding": confounding} if dataset.startswith("simulated") else {}
        try:
            plans.append(
                api.make_plan(kind, dataset, seeds=range(seeds), values=values, **fixed, **own)
            )
        except api.FieldError as error:
            errors.setdefault(_beside(error.field), str(error))
    shown = {**fixed, "confounding": confounding}
    return Form(kind, chosen, values, seeds, shown, tuple(plans), errors, looks)


def extras() -> tuple[str, ...]:
    """What may be added to the uniform-size study: base methods, and balanced ones."""
    always = ("mf", "cause", "kd-label", "autodebias", "mf-uniform")
    names = [info.name for info in api.methods()]
    return (
        *(name for name in names if name not in always),
        *(f"bal-{name}" for name in BALANCED if name != "autodebias"),
    )


def as_params(form: Form, raw: Mapping[str, str]) -> dict[str, str]:
    """The URL's parameters: data sets always, others where they differ from the default."""
    texts = {
        "datasets": ",".join(form.datasets),
        "values": values_text(form.values) if form.values != default_values(form.kind) else "",
        "seeds": str(form.seeds) if form.seeds != SEEDS_DEFAULT else "",
    }
    for name, default in (("methods", METHODS), ("moments", MOMENTS), ("extra", ())):
        value = tuple(form.fixed.get(name, default))
        texts[name] = ",".join(value) if value != default else ""
    lam = form.fixed.get("lam", LAM)
    texts["lam"] = lam_text(lam) if lam != LAM else ""
    texts["epochs"] = str(form.fixed.get("epochs", ""))
    strong = form.fixed["confounding"] == "strong"
    texts["confounding"] = "" if strong else str(form.fixed["confounding"])
    for name, value in form.looks.items():
        texts[name] = "" if value == LOOKS[name][0] else value
    texts |= {name: raw[name] for name in form.errors if name in raw}
    kept = {name: text for name, text in texts.items() if text}
    # An emptied control is a choice too, and its sentence goes with it.
    return kept | {name: "" for name in form.errors if raw.get(name) == ""}


def values_text(values: Sequence[float]) -> str:
    """Values of the axis as URL and command line take them: "0,1/64,1"."""
    return ",".join(lam_text(value) for value in values)


def lam_text(value: float) -> str:
    """A number that reads back as itself, small powers of two as fractions."""
    if value == int(value):
        return str(int(value))
    fraction = Fraction(value)
    return str(fraction) if fraction.denominator <= 65536 else repr(value)


def command_lines(form: Form) -> str:
    """The shell commands that train and print the same, a line a data set."""
    lines = []
    for plan in form.plans:
        words = [f"python -m engine study {form.kind} --dataset {_quoted(plan.dataset)}"]
        words.append(f"--seeds {form.seeds}")
        params = as_params(form, {})
        for name in ("values", "methods", "moments", "extra", "lam", "epochs"):
            if name in params:
                words.append(f"--{'methods' if name == 'extra' else name} {params[name]}")
        if "confounding" in params and plan.dataset.startswith("simulated"):
            words.append(f"--confounding {params['confounding']}")
        lines.append(" ".join(words))
    return "\n".join(lines)


def _quoted(name: str) -> str:
    plain = all(c.isalnum() or c in "-_.:/" for c in name)
    return name if plain else "'" + name.replace("'", "'\\''") + "'"


class _Taker:
    """Reads one raw choice after the other, and keeps a sentence where one is wrong."""

    def __init__(self, raw: Mapping[str, str], errors: dict[str, str]) -> None:
        self.raw, self.errors = raw, errors

    def __call__(self, name: str, parse: Callable[[str], Any], default: Any) -> Any:
        if name not in self.raw:
            return default
        try:
            return parse(self.raw[name])
        except api.FieldError as error:
            self.errors[name] = str(error)
            return default


def _beside(field_name: str) -> str:
    """The control that an error of a plan stands beside."""
    names = {"dataset": "datasets", "lam": "values", "uniform_fraction": "values"}
    return names.get(field_name, field_name)


def _words(text: str) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if not found:
        raise api.ConfigError("datasets", "none", "at least one data set")
    return found


def _values(kind: str, text: str, errors: dict[str, str]) -> tuple[float, ...]:
    """The values that can be read, with a sentence about the first that cannot."""
    name = "lam" if kind == "lambda" else "uniform_fraction"
    found = set()
    for part in filter(None, (part.strip() for part in text.split(","))):
        try:
            found.add(_number(name, part))
        except api.FieldError as error:
            errors.setdefault("values", str(error))
    if not found and "values" not in errors:
        none = api.ConfigError(
            "values", "none", "at least one value", "an empty grid trains nothing"
        )
        errors["values"] = str(none)
    return tuple(sorted(found)) or default_values(kind)


def _number(name: str, text: str) -> float:
    percent = text.rstrip("% \u00a0") if text.endswith("%") else None
    value = parse_lam(text if percent is None else percent)
    try:
        number = float(value) / (100 if percent is not None else 1)
    except ValueError:
        number = float("nan")
    low, high = (0.0, api.LAM_MAX) if name == "lam" else (0.0, 0.1)
    inside = low <= number <= high and (name == "lam" or number > 0)
    if inside:
        return number
    if name == "lam":
        allowed = f"a number from 0 to {high:g}, as 0.25, 1/64 or 2^-6"
    else:
        allowed = "a share above 0 and at most 0.1 (the pool that uniform ratings grow through)"
    raise api.ConfigError(name, text, allowed)


def _lam(text: str) -> float:
    return _number("lam", text)


def _seeds(text: str) -> int:
    if text.isdigit() and 1 <= int(text) <= SEEDS_MAX:
        return int(text)
    raise api.ConfigError("seeds", text, f"a whole number from 1 up to {SEEDS_MAX}")


def _epochs(text: str) -> int:
    if text.isdigit() and 1 <= int(text) <= 100_000:
        return int(text)
    raise api.ConfigError("epochs", text, "a whole number from 1 up to 100000, or nothing")


def _moments(text: str) -> tuple[str, ...]:
    return tuple(api.make_config(moments=tuple(p.strip() for p in text.split(","))).moments)


def _confounding(text: str) -> str:
    return str(api.make_config(confounding=text).confounding)


def _of(name: str, text: str, allowed: Sequence[str]) -> tuple[str, ...]:
    parts = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    for part in parts:
        if part not in allowed:
            raise api.ConfigError(name, part, "one or more of " + ", ".join(allowed))
    if not parts and name == "methods":
        raise api.ConfigError(name, "none", "one or more of " + ", ".join(allowed))
    return tuple(sorted(parts, key=list(allowed).index))
