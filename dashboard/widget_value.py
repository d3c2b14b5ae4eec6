"""What a widget shows, told to the browser."""

from __future__ import annotations

from typing import Any

import streamlit as st

_NOTHING, _NAMES = object(), "names_told"


def make_show(key: str, value: Any) -> None:
    """Make the widget of a key show a value, at every look; to be called before it is made.

    Told once only, a widget that the browser makes later, or whose look was overtaken by the next,
    would show nothing, and the browser would say so as if it were the reader's choice. The price: a
    click made while a look is under way is overwritten by it. Where looks come by themselves and
    clicks are many, `default` has no such price.
    """
    st.session_state[key] = value


def make_show_once(key: str, value: Any, names: Any) -> None:
    """As `make_show`, but only where the widget shows something else, or its choices are called
    otherwise; names: what their names depend on.

    For one that always stands there and is moved while looks come by themselves: told of a move
    that the reader has made, it would take back the next one.
    """
    told = st.session_state.setdefault(_NAMES, {})
    if told.get(key, _NOTHING) != names or not _same(st.session_state.get(key, _NOTHING), value):
        told[key] = names
        st.session_state[key] = value


def default(key: str, value: Any) -> Any:
    """What to give a widget as its default so that it shows a value; None where it was assigned.

    For what stands behind a button (`st.popover`): the browser makes it when that is opened, many
    looks after it was first sent, and then takes the latest default; later ones do not touch it, so
    a click made while a look is under way holds.
    """
    if key not in st.session_state or _same(st.session_state[key], value):
        return value
    st.session_state[key] = value
    return None


def _same(held: Any, value: Any) -> bool:
    """Equal; of several choices, which the browser keeps in the order of clicks, the same ones."""
    if isinstance(held, list | tuple) and isinstance(value, list | tuple):
        return len(held) == len(value) and all(one in value for one in held)
    return bool(held == value)
