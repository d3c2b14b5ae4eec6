"""The menu of examples: choosing one fills the form, and so the URL."""

from __future__ import annotations

import streamlit as st

from dashboard.cards import CARDS, Card, complete
from dashboard.text import lab as text


def examples() -> None:
    """A small button beside the title; each card behind it is a button with its sentence."""
    with (
        st.container(key="examples"),
        st.popover("Examples", type="tertiary", key="examples_menu"),
        st.container(key="cards"),
    ):
        st.caption(text.EXAMPLES)
        for k, card in enumerate(CARDS):
            st.button(
                f"**{card.name}**  \n{card.sentence}",
                key=f"card_{k}",
                type="tertiary",
                width="stretch",
                on_click=choose,
                args=(card,),
            )


def choose(card: Card) -> None:
    """Take a card's settings; the launch on the page stays until the next Start."""
    for name in ("refused", "start_trouble"):
        st.session_state.pop(name, None)
    st.session_state["choices"] = complete(card)
