"""Under the table: its claim check, and the list of the paper's claims."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from dashboard.tables import html, state
from dashboard.tables.form import Form, shared
from dashboard.tables.running import Found
from dashboard.text import tables as text
from dashboard.widget_value import make_show
from engine import api

_CHECKED = "tables_checked"
MIN_SEEDS = 5  # of a claim, see `engine.claims`
# The pages that can start a study, by their address.
LINKS = {
    "lambda": "lambda-study",
    "uniform": "uniform-study",
    **{f"table{k}": f"tables?table={k}" for k in "234"},
}


def held(found: Found) -> tuple[Any, ...] | None:
    """The claims of a study as it stands now, None before they were checked."""
    known = st.session_state.get(_CHECKED, {}).get(_state_of(found))
    return None if known is None else tuple(known)


def check(studies: Sequence[Found]) -> bool:
    """Check the claims of studies that changed since; whether there are any new ones.

    Called once the tables stand: numbers first, verdicts some seconds later.
    """
    known = st.session_state.setdefault(_CHECKED, {})
    new = [found for found in studies if _state_of(found) not in known]
    if new:
        with st.spinner("Checking claims: resampling users and seeds"):
            for found in new:
                known[_state_of(found)] = api.check_study(found.study)
    return any(known[_state_of(found)] for found in new)


def _state_of(found: Found) -> tuple[str, str, str]:
    """Changes whenever a run of the study does."""
    seen = found.study.frame[["run", "state", "source"]].to_csv(index=False)
    return str(api.runs_home()), found.study.id, seen


def family(form: Form, table: Any, claims: Sequence[Any], waiting: bool) -> None:
    """One family of claims; gains with their own intervals until they are checked.

    Args:
        waiting: whether claims are still to be checked.
    """
    names = list(dict.fromkeys(claim.family for claim in claims))
    known = any(one.gain for row in table.rows for one in row.numbers.values())
    if not names and not known:
        return  # nothing to compare yet
    st.markdown("**Is it better?**")
    if waiting or not names or max(claim.seeds for claim in claims) < MIN_SEEDS:
        few = text.FEW if table.seeds < MIN_SEEDS or names else text.UNCHECKED
        st.caption(text.CHECKED_LATER if waiting else few)
        st.html(html.gains_grid(table))
        return
    chosen = form.family if form.family in names else names[0]
    if len(names) > 1:
        key = f"t_family_{table.dataset}"
        make_show(key, chosen)
        st.segmented_control(
            "Family of claims",
            names,
            format_func=lambda name: text.FAMILIES.get(name, name),
            key=key,
            required=True,
            label_visibility="collapsed",
            on_change=lambda: state.put("family", st.session_state[key]),
        )
    own = [claim for claim in claims if claim.family == chosen]
    st.html(html.claims_grid(own, list(dict.fromkeys(claim.metric for claim in own))))
    st.caption(text.CLAIMS_NOTE)


def statements(form: Form, studies: Sequence[Found]) -> None:
    """The paper's claims and ours, with a verdict for every data set on the page."""
    st.subheader("What the paper claims", anchor=False)
    told = {
        found.title: _told(
            str(api.runs_home()),
            found.plan.dataset,
            tuple(sorted(shared(form, found.plan.dataset).items())),
            tuple(sorted(found.study.counts.items())),
        )
        for found in studies
    }
    more = "".join(f"&{k}={form.fixed[k]}" for k in ("epochs", "confounding") if k in form.fixed)
    st.html(html.statements(told, LINKS, more))


@st.cache_data(ttl=5, max_entries=16, show_spinner="Judging the paper's claims")
def _told(
    home: str, dataset: str, changes: tuple[tuple[str, Any], ...], counts: Any
) -> Sequence[Any]:
    """Held for a few seconds, or until a run of the study has ended."""
    settings: Mapping[str, Any] = dict(changes)
    return api.paper_claims(dataset, **settings)
