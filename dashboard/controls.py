"""The lab's controls. Widgets only show and report; what holds are the choices in `page_state`."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboard import forms
from dashboard.charts.theme import lam_label
from dashboard.page_state import forecast
from dashboard.text import lab as text
from engine import api

GROUPS: dict[str, tuple[str, ...]] = {
    "Balancing": (
        *("moments", "weights_map", "penalty", "weights_dim", "weights_lr", "weights_decay"),
    ),
    "Propensity": ("propensity", "p_min", "normalise_propensity"),
    "Prediction model": ("d", "optimizer", "lr", "weight_decay", "loss_scale"),
    "Training": ("epochs", "patience", "block_users", "block_items", "block_seed", "dtype"),
    "Data": ("data_seed", "uniform_fraction", "split"),
}
MOMENTS: tuple[tuple[str, ...], ...] = (("e",), ("r",), ("e", "r"))


def controls(form: forms.Form) -> None:
    """The choices everybody makes: data, method, balancing, λ, seeds."""
    infos = {info.name: info for info in api.datasets()}
    config = form.config
    names = list(infos) if config.dataset in infos else [*infos, config.dataset]
    _select(form, "dataset", names, lambda n: _dataset_title(infos.get(n), n), "Data set", own=True)
    if forms.is_simulated(config):
        _select(form, "confounding", list(api.options("confounding")), str, "Hidden confounding")
    titles = {info.name: info.title for info in api.methods()}
    _segments(form, "method", list(titles), lambda n: titles[n], "Base method")
    _segments(form, "balance", list(api.options("balance")), text.choice, "Balancing")
    _lam(form)
    _put("seeds", form.seeds)
    st.number_input(
        "Seeds",
        *(1, forms.SEEDS_MAX),
        key="f_seeds",
        on_change=_chose,
        args=("seeds",),
        help=text.HELP["seeds"],
    )
    _error(form, "seeds")
    fields = api.RunConfig.model_fields.keys() | {"seeds"}
    for name in sorted((form.errors.keys() | form.refused.keys()) - fields):
        _error(form, name)


def advanced(form: forms.Form) -> None:
    """Every other setting, with the preset's value until it is chosen otherwise."""
    inside = {name for group in GROUPS.values() for name in group}
    wrong = bool(inside & (form.errors.keys() | form.refused.keys()))
    with st.expander("Advanced", expanded=wrong):
        if form.config.balance != "none":
            _lam_free(form)
        for title, names in GROUPS.items():
            if title == "Balancing" and form.config.balance == "none":
                continue
            st.markdown(f"**{title}**")
            for name in names:
                if name != "data_seed" or forms.is_simulated(form.config):
                    _field(form, name)


def _dataset_title(info: Any, name: str) -> str:
    if info is None:
        return name
    return info.title if info.installed else f"{info.title} (not installed)"


def _put(name: str, value: Any) -> None:
    st.session_state[f"f_{name}"] = value


def _chose(name: str) -> None:
    value = st.session_state[f"f_{name}"]
    if value is not None:
        st.session_state.pop("refused", None)
        st.session_state["choices"] = forms.after(st.session_state["choices"], name, value)


def _chose_lam_text() -> None:
    st.session_state.pop("refused", None)
    st.session_state["choices"] = st.session_state["choices"] | {"lam": st.session_state["f_free"]}


def _error(form: forms.Form, name: str) -> None:
    if form.said(name):
        st.markdown(f":red[{form.said(name)}]")


def _select(
    form: forms.Form, name: str, options: list[Any], show: Any, label: str, own: bool = False
) -> None:
    _put(name, getattr(form.config, name))
    st.selectbox(
        label,
        options,
        key=f"f_{name}",
        format_func=show,
        on_change=_chose,
        args=(name,),
        accept_new_options=own,
        help=text.HELP.get(name) or _description(name),
    )
    _error(form, name)


def _segments(form: forms.Form, name: str, options: list[Any], show: Any, label: str) -> None:
    _put(name, getattr(form.config, name))
    st.segmented_control(
        label,
        options,
        key=f"f_{name}",
        format_func=show,
        on_change=_chose,
        args=(name,),
        required=True,
        help=text.HELP.get(name) or _description(name),
    )
    _error(form, name)


def _lam(form: forms.Form) -> None:
    none = form.config.balance == "none"
    lam = 0.0 if none else form.config.lam
    told = forecast(form.config)
    _put("lam", lam)
    st.select_slider(
        "λ, strength of the balance constraint",
        forms.lam_options(lam),
        key="f_lam",
        format_func=lambda value: _lam_mark(value, told),
        on_change=_chose,
        args=("lam",),
        disabled=none,
        help=text.HELP["lam"],
    )
    _error(form, "lam")
    if none:
        st.caption("No weights, so no λ.")
    elif told is not None:
        st.caption(text.lam_says(lam, told.left(lam), told.lam_half))


def _lam_mark(value: float, told: Any) -> str:
    half = told is not None and value == forms.on_grid(told.lam_half)
    return f"{lam_label(value)} ≈ λ½" if half else lam_label(value)


def _lam_free(form: forms.Form) -> None:
    raw = st.session_state["choices"].get("lam") if "lam" in form.errors else form.config.lam
    _put("free", raw if isinstance(raw, str) else forms.as_text(raw))
    st.text_input(
        "λ, any value", key="f_free", on_change=_chose_lam_text, help=text.HELP["lam_free"]
    )
    _error(form, "lam")


def _field(form: forms.Form, name: str) -> None:
    """One setting by its kind: a choice, a switch, a number."""
    value = getattr(form.config, name)
    options: list[Any] = list(MOMENTS) if name == "moments" else list(api.options(name))
    if options:
        _select(form, name, options, _shown, text.label(name))
        return
    _put(name, value)
    common: dict[str, Any] = {"key": f"f_{name}", "on_change": _chose, "args": (name,)}
    if isinstance(value, bool):
        st.checkbox(text.label(name), help=_description(name), **common)
    else:
        low, high = _bounds(name)
        kind = int if isinstance(value, int) else float
        st.number_input(
            text.label(name),
            kind(low),
            kind(high),
            step=1 if kind is int else max(value / 2, 1e-4),
            format="%d" if kind is int else "%g",
            help=_description(name),
            **common,
        )
    _error(form, name)


def _shown(value: Any) -> str:
    return " and ".join(map(text.choice, value)) if isinstance(value, tuple) else text.choice(value)


def _description(name: str) -> str:
    said = api.RunConfig.model_fields[name].description or ""
    return said[:1].upper() + said[1:] + "."


def _bounds(name: str) -> tuple[float, float]:
    """The lowest and highest value a number may have, from the config's own declaration."""
    low, high = 0.0, 1e6
    for rule in api.RunConfig.model_fields[name].metadata:
        low = getattr(rule, "ge", getattr(rule, "gt", low))
        high = getattr(rule, "le", high)
    return float(low), float(high)
