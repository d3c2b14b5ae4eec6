"""The controls of a study: data sets, methods, grid, seeds; the rest under More."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from dashboard import cluster
from dashboard.charts.theme import lam_label
from dashboard.settings import MOMENTS, dataset_titles
from dashboard.studying import state
from dashboard.studying.form import BALANCED, Form, extras, lam_text
from dashboard.studying.parsing import SEEDS_MAX
from dashboard.text import studies as text
from dashboard.text.settings import choice
from dashboard.widget_value import make_show
from engine import api


def controls(form: Form) -> None:
    """All of them, each with what is wrong with it beside it."""
    _datasets(form)
    if form.kind == "lambda":
        _many(form, "methods", BALANCED, _balanced, "Methods", form.fixed["methods"], pills=True)
    _values(form)
    _seeds(form)
    folded = st.expander(
        "More", expanded=bool({"moments", "epochs", "confounding", "lam", "extra"} & {*form.errors})
    )
    with folded, st.container(key="advanced"):
        if form.kind == "uniform":
            shown = {name: _added(name) for name in extras()}
            _many(form, "extra", list(shown), shown.__getitem__, "Add methods", form.fixed["extra"])
            _text(form, "lam", "λ of the balanced", lam_text(form.fixed["lam"]))
        _moments(form)
        if form.simulated:
            _one(form, "confounding", api.options("confounding"), str, "Hidden confounding")
        _text(form, "epochs", "Epochs, at most", str(form.fixed.get("epochs", "")))
        cluster.field(f"s_{form.kind}_scheduler")
    _leftover(form)


def _datasets(form: Form) -> None:
    known = [info.name for info in api.datasets()]

    names = [*known, *(name for name in form.datasets if name not in known)]
    _many(form, "datasets", names, dataset_titles(), "Data sets", form.datasets, own=True)


def _values(form: Form) -> None:
    if form.kind == "lambda":
        grid = sorted({*api.LAM_GRID, *form.values})
        _many(
            form, "values", [lam_text(v) for v in grid], _as_lam, "λ grid", _shown(form), own=True
        )
        return
    grid = sorted({*api.STUDY_VALUES["uniform"], *form.values})
    label = "Share of random ratings"
    _many(form, "values", [lam_text(v) for v in grid], _as_share, label, _shown(form), own=True)


def _shown(form: Form) -> list[str]:
    """The grid as it was chosen, wrong values included, so that they can be taken out."""
    raw = state.choices(form.kind).get("values")
    if "values" in form.errors and raw is not None:
        return [part.strip() for part in raw.split(",") if part.strip()]
    return [lam_text(v) for v in form.values]


def _as_lam(value: str) -> str:
    try:
        return lam_label(_number(value))
    except ValueError:
        return value


def _as_share(value: str) -> str:
    try:
        return f"{100 * _number(value):.3g} %"
    except ValueError:
        return value


def _number(value: str) -> float:
    top, _, bottom = value.partition("/")
    return float(top) / float(bottom or 1)


def _balanced(name: str) -> str:
    return f"Bal-{choice(name)}"


def _added(name: str) -> str:
    method = name.removeprefix("bal-")
    return choice(method) if method == name else _balanced(method)


def _many(
    form: Form,
    name: str,
    options: Sequence[str],
    show: Callable[[str], str],
    label: str,
    value: Sequence[str],
    own: bool = False,
    pills: bool = False,
) -> None:
    """Several choices; `own`: or to type into. An emptied one says what is wrong."""
    raw = state.choices(form.kind).get(name)
    chosen = [] if name in form.errors and not raw else list(value)
    key = f"s_{form.kind}_{name}"
    make_show(key, chosen)
    more: dict[str, Any] = {
        "key": key,
        "format_func": show,
        "on_change": _chose,
        "args": (form.kind, name, key),
        "help": text.HELP["fractions" if label.startswith("Share") else name],
    }
    every = [*options, *(v for v in chosen if v not in options)]
    if pills:
        st.pills(label, every, selection_mode="multi", **more)
    else:
        st.multiselect(label, every, accept_new_options=own, placeholder="none", **more)
    _error(form, name)


def _one(
    form: Form, name: str, options: Sequence[Any], show: Callable[[Any], str], label: str
) -> None:
    key = f"s_{form.kind}_{name}"
    make_show(key, form.fixed[name])
    st.selectbox(
        label,
        list(options),
        key=key,
        format_func=show,
        on_change=_chose,
        args=(form.kind, name, key),
        help=text.HELP[name],
    )
    _error(form, name)


def _moments(form: Form) -> None:
    offered = [",".join(moments) for moments in MOMENTS]
    held = ",".join(form.fixed["moments"])
    key = f"s_{form.kind}_moments"
    make_show(key, held)
    st.selectbox(
        "Balanced moments",
        offered if held in offered else [*offered, held],
        key=key,
        format_func=lambda told: choice(tuple(told.split(","))),
        on_change=_chose,
        args=(form.kind, "moments", key),
        help=text.HELP["moments"],
    )
    _error(form, "moments")


def _text(form: Form, name: str, label: str, value: str) -> None:
    key = f"s_{form.kind}_{name}"
    make_show(key, state.choices(form.kind).get(name, value))
    st.text_input(
        label,
        key=key,
        on_change=_chose,
        args=(form.kind, name, key),
        help=text.HELP[name],
        placeholder="as the preset" if name == "epochs" else None,
    )
    _error(form, name)


def _seeds(form: Form) -> None:
    key = f"s_{form.kind}_seeds"
    make_show(key, form.seeds)
    st.number_input(
        "Seeds",
        *(1, SEEDS_MAX),
        key=key,
        on_change=_chose,
        args=(form.kind, "seeds", key),
        help=text.HELP["seeds"],
    )
    _error(form, "seeds")


def _chose(kind: str, name: str, key: str) -> None:
    """Take the widget's value as a raw choice; an emptied text goes back to the default."""
    value = st.session_state[key]
    if isinstance(value, list | tuple):
        state.put(kind, name, ",".join(map(str, value)))
    elif value in (None, ""):
        state.put(kind, name, None)
    else:
        state.put(kind, name, str(value).strip())


def _error(form: Form, name: str) -> None:
    if name in form.errors:
        st.markdown(f":red[{form.errors[name]}]")


def _leftover(form: Form) -> None:
    """Sentences about what has no control here."""
    beside = {"datasets", "methods", "values", "seeds", "moments", "confounding", "epochs"}
    beside |= {"lam", "extra"} if form.kind == "uniform" else set()
    for name in sorted(form.errors.keys() - beside):
        _error(form, name)
