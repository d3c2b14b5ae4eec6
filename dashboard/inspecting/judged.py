"""What the weights are held against: the exact ones, the oracle's, the tables of experts."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from dashboard.charts.against import Across
from dashboard.charts.love import love, rows_shown
from dashboard.charts.pairs import histogram, reach_of
from dashboard.inspecting.epochs import dark
from dashboard.inspecting.linked import scatter
from dashboard.inspecting.takeaway import drawn, offer, title
from dashboard.text import weights as text

HARD = "w_hard"


def references(found: Any) -> None:
    """Scatters against exact weights and, on simulated data, the oracle's and the confounder."""
    st.subheader("Against what they could be", anchor=False)
    places = st.columns(3, gap="medium")
    with places[0]:
        _exact(found)
    if found.block == "all":
        with places[1]:
            _uniform(found)
    elif not found.simulated:
        with places[1]:
            title("Against the oracle", "simulated data only")
            st.caption(
                "Nobody knows the true propensities of real data, so there are no oracle weights "
                "here. Simulated data show what balancing can and cannot find."
            )
        return
    else:
        with places[1]:
            _oracle(found)
    if "hidden" in found.pairs:
        with places[2]:
            _hidden(found)


def _exact(found: Any) -> None:
    if "exact" not in found.pairs:
        title("Learned against exact", "the weights of highest entropy for the same moments")
        st.info(found.exact_note)
        return
    default = found.config.balance == "exact" and found.config.constraint == "hard"
    kinds = {"exact": "exact at this λ", "exact_hard": "exact, hard constraint"}
    st.session_state.setdefault(HARD, "exact_hard" if default else "exact")
    chosen = st.session_state[HARD]
    r, kl = found.beside(chosen)
    ours = "Exact run" if found.config.balance == "exact" else "Learned"
    title(f"{ours} against {kinds[chosen]}", "dashed: equal; same moments, highest entropy")
    st.segmented_control(
        "Exact weights", list(kinds), key=HARD, format_func=kinds.get, required=True,
        label_visibility="collapsed",
    )  # fmt: skip
    if chosen == "exact_hard" and not found.hard_feasible:
        st.warning(text.infeasible(found.exact_note))
        return
    across = Across(chosen, "exact weight", log=True, diagonal=True)
    scatter(found, across, "w_exact", height=280)
    st.markdown(text.exact_reading(r, kl, chosen == "exact_hard"))
    st.caption(text.EXACT)
    if found.exact_note and chosen == "exact_hard":
        st.caption(f"The solver: {found.exact_note}.")


def _uniform(found: Any) -> None:
    _, kl = found.beside("oracle")
    title("Against the oracle", "×1 for every pair, dashed: all pairs are what is estimated")
    st.space("medium")
    bars = found.histogram()
    name = f"counterweight-{found.run}-w1-against-oracle"
    drawn(histogram(bars, None, reach_of(bars), dark()), bars, "w_uniform", name)
    st.markdown(text.uniform_reading(kl, float(abs(found.column("weight") - 1).mean())))
    st.caption(text.UNIFORM_IS_RIGHT)


def _oracle(found: Any) -> None:
    r, kl = found.beside("oracle")
    title("Against the oracle", text.oracle_note(found.config.method))
    st.space("medium")
    scatter(found, Across("oracle", "oracle weight", log=True, diagonal=True), "w_oracle", 280)
    st.markdown(text.oracle_reading(r, kl, met(found), bool(found.column("weight").std() < 1e-4)))


def _hidden(found: Any) -> None:
    r, _ = found.beside("hidden")
    title("Against the hidden confounder h", "known to the simulation only; no model sees it")
    st.space("medium")
    scatter(found, Across("hidden", "h"), "w_hidden", 280)
    st.markdown(text.hidden_reading(r))


def met(found: Any) -> bool | None:
    """Whether every balanced moment lies within its target's SE; None where it is not known."""
    frame = found.constraint
    if frame.empty:
        return None
    return bool(((frame["weight"] - frame["target"]).abs() <= frame["se"]).all())


def diagnostics(found: Any) -> None:
    """The love plot and the table of numbers."""
    left, right = st.columns([1.1, 1], gap="medium")
    with left:
        _love(found)
        _moments(found)
    with right:
        title("Diagnostics", "a high effective sample size only says that weights are near uniform")
        table(found.numbers)
        offer(found.numbers, "w_numbers", f"counterweight-{found.run}-diagnostics")


def _love(found: Any) -> None:
    """How far each way to weigh leaves the mean of a covariate from the truth."""
    if found.block == "all":
        title("How far do the weights move all pairs from themselves?", text.LOVE_ALL)
        plain = "inverse_propensity" not in found.pairs
        ways = {"raw": "uniform", "weighted": "w₁"} if plain else text.LOVE_WAYS_ALL
        rows, when = rows_shown(found.love, by="weighted"), "under the weights"
    else:
        title("Is the weighted sample like all pairs?", text.LOVE)
        rows, ways, when = rows_shown(found.love), None, "when nothing is weighted"
    drawn(love(rows, dark(), ways), found.love, "w_love", f"counterweight-{found.run}-love")
    if len(rows) < len(found.love):
        st.caption(
            f"{len(rows)} of {len(found.love)} covariates: the features furthest off {when}. All "
            "of them are in the table."
        )


def _moments(found: Any) -> None:
    """Both sides of the constraint, moment by moment."""
    frame = found.constraint
    if frame.empty:
        return
    both = " of both blocks together" if len(found.blocks) > 1 else ""
    note = f"left sides of the constraint{both} under each weighting, and the target"
    title("What was balanced", note)
    names = {"uniform": "Uniform", "weight": "These", "exact": "Exact at λ", "exact_hard": "Hard"}
    lines = ["| Moment | " + " | ".join(names.values()) + " | Target ± SE |"]
    lines.append("|:--|" + "--:|" * (len(names) + 1))
    for _, row in frame.iterrows():
        cells = [f"{row[name]:.4f}" for name in names]
        target = f"{row['target']:.4f} ± {row['se']:.4f}"
        lines.append(f"| {row['moment']} | " + " | ".join(cells) + f" | {target} |")
    with st.container(key="w_moments"):
        st.markdown("\n".join(lines))


def table(numbers: pd.DataFrame, key: str = "w_numbers_table") -> None:
    """Diagnostics as a table: name, value, meaning."""
    lines = ["| | | |", "|:--|--:|:--|"]
    for row in numbers.itertuples():
        meaning = str(row.meaning).replace("|", "\\|").replace("*", "\\*")
        name = str(row.name).replace("|", "\\|")
        lines.append(f"| {name} | {text.value(row.value, row.unit)} | :gray[{meaning}] |")
    with st.container(key=key):
        st.markdown("\n".join(lines))
