"""What a widget shows, told to the browser only where it shows something else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

_NOTHING, _LABELS = object(), "labels_told"


def make_show(key: str, value: Any, labels: Sequence[str] = ()) -> None:
    """Make the widget of a key show a value; to be called before the widget is made.

    Args:
        labels: of what is chosen, where they may change: the browser knows a choice by its label.

    Streamlit sends every value that is assigned, changed or not, and the browser puts it in the
    place of a click made meanwhile, then repeats it at its next look as if it were the reader's. So
    nothing is assigned to a widget that shows it already.
    """
    told = st.session_state.setdefault(_LABELS, {})
    renamed = told.get(key, ()) != tuple(labels)
    if renamed or not _same(st.session_state.get(key, _NOTHING), value):
        told[key] = tuple(labels)
        st.session_state[key] = value


def default(key: str, value: Any) -> Any:
    """What to give a widget as its default so that it shows a value; None where it was assigned.

    For what stands behind a button (`st.popover`): the browser makes it when that is opened, many
    looks after it was first sent, and then knows the latest default, but nothing assigned before.
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
