"""The choices everybody makes: data, method, balancing, λ, seeds."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboard import forms, moving, settings, widgets
from dashboard.charts.theme import lam_label
from dashboard.lam import lam_options, on_grid
from dashboard.page_state import forecast
from dashboard.text import lab as text
from dashboard.text import play as play_text
from dashboard.text.settings import HELP, choice
from dashboard.widget_value import make_show_once
from engine import api


def controls(form: forms.Form, moves: Any = None) -> None:
    """The main controls, and what is wrong with names that are no setting shown.

    Args:
        moves: the launch whose λ the slider moves while it trains, or None.
    """
    _data(form)
    _method(form)
    _balance(form)
    _lam(form, moves)
    _seeds(form)
    _errors_of_nothing_shown(form)


def _data(form: forms.Form) -> None:
    known = [info.name for info in api.datasets()]
    config = form.config
    names = known if config.dataset in known else [*known, config.dataset]
    widgets.select(form, "dataset", names, settings.dataset_titles(), "Data set", own=True)
    if settings.is_simulated(config):
        kinds = api.options("confounding")
        widgets.select(form, "confounding", kinds, str, "Hidden confounding")


def _method(form: forms.Form) -> None:
    infos = {info.name: info for info in api.methods()}
    widgets.select(form, "method", list(infos), lambda name: infos[name].title, "Base method")
    st.caption(infos[form.config.method].summary)


def _balance(form: forms.Form) -> None:
    info = settings.method_of(form.config.method)
    alone = info.balances == ("none",)
    widgets.segments(form, "balance", info.balances, choice, "Balancing", disabled=alone)
    if alone:
        st.caption(text.alone(info.title))


def _lam(form: forms.Form, moves: Any) -> None:
    config = form.config
    none, free = config.balance == "none", settings.lam_counts(config)
    lam = 0.0 if none else config.lam
    told = None if none else forecast(config)
    half = None if told is None else on_grid(told.lam_half)
    make_show_once("f_lam", lam, names=half)
    st.select_slider(
        "λ, **moves while it trains**" if moves else "λ, strength of the balance constraint",
        lam_options(lam),
        key="f_lam",
        format_func=lambda value: _lam_mark(value, half),
        on_change=moving.move_lam if moves else widgets.chose,
        args=(moves or "lam",),
        disabled=not free and (none or lam > 0),
        help=play_text.HELP["lam"] if moves else HELP["lam"],
    )
    widgets.error(form, "lam")
    if none and len(settings.method_of(config.method).balances) > 1:
        st.caption("No weights, so no λ.")
    elif not free and lam > 0:
        st.caption(text.without_lam(config))
    elif told is not None:
        left, right = st.columns([1.5, 1]) if moves and len(moves.launch.runs) > 1 else (st, None)
        left.caption(text.lam_says(lam, told.left(lam), told.lam_half, bool(moves)))
        if right is not None:
            with right, st.container(key="lam_seed"):
                moving.seed_to_move(moves)


def _lam_mark(value: float, half: float | None) -> str:
    return f"{lam_label(value)} ≈ λ½" if value == half else lam_label(value)


def _seeds(form: forms.Form) -> None:
    widgets.put("seeds", form.seeds)
    st.number_input(
        "Seeds",
        *(1, forms.SEEDS_MAX),
        key="f_seeds",
        on_change=widgets.chose,
        args=("seeds",),
        help=HELP["seeds"],
    )
    widgets.error(form, "seeds")


def _errors_of_nothing_shown(form: forms.Form) -> None:
    """Sentences about names that are no setting, or one that is not shown just now."""
    beside = {"dataset", "method", "balance", "lam", "seeds"}
    beside |= {"confounding"} if settings.is_simulated(form.config) else set()
    beside |= {name for names in settings.shown(form.config).values() for name in names}
    for name in sorted((form.errors.keys() | form.refused.keys()) - beside):
        widgets.error(form, name)
