"""The figure of a study, the sentences under it, and what makes both grow while runs arrive."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.charts.study_layout import narrow
from dashboard.charts.study_live import study_figure
from dashboard.charts.study_panels import PANELS, Panel, panels_of
from dashboard.charts.study_rows import Row
from dashboard.charts.study_shapes import in_words
from dashboard.live_figure import live_figure
from dashboard.studying import reading, running, state
from dashboard.studying.form import KINDS, Form
from dashboard.studying.reading import Found
from dashboard.text import curves
from dashboard.text import studies as text
from dashboard.widget_value import make_show
from engine import api

EVERY_SECONDS = 1.5
PAUSED_SECONDS = 4.0


def watch(form: Form, studies: Sequence[Found]) -> None:
    """Status, figure and sentences, renewed while a study is active."""
    before = running.phase(studies)
    every = {"active": EVERY_SECONDS, "paused": PAUSED_SECONDS}.get(before)
    first = [list(studies)]

    def look() -> None:
        # The first look is the page's own; later ones read what runs have changed.
        now = first.pop() if first else [reading.again(found) for found in studies]
        if running.phase(now) != before:
            st.rerun()  # buttons and timer depend on it
        with st.container(key="status"):
            running.status(now)
        draw(form, now)
        sentences(form, now)
        running.said_of(now, form.kind)

    st.fragment(look, run_every=every)()


def draw(form: Form, studies: Sequence[Found]) -> list[Row]:
    """The live figure."""
    several = len(studies) > 1
    rows = [reading.row_of(form, found, 6 if several else 10) for found in studies]
    panels = panels_of(form.kind, form.looks["view"], form.simulated)
    looks = "-".join(form.looks.values())
    ids = "-".join(found.study.id for found in studies)
    figure = study_figure(rows, panels, form.looks["part"], revision=f"{ids}-{looks}")
    live_figure(
        figure,
        key=f"study_{form.kind}",
        label=f"{KINDS[form.kind]}: {', '.join(panel.title for panel in panels)}",
        description=" ".join(in_words(row, list(panels), form.looks["part"]) for row in rows),
        narrow=narrow(figure, [int(p == 0) for _ in rows for p in range(len(panels))]),
    )
    return rows


def looks(form: Form) -> None:
    """What the figure shows: which panels, values or gains, which test ratings."""
    with st.container(horizontal=True, key="looks"):
        for name, names in (
            ("view", text.VIEWS[form.kind]),
            ("show", text.SHOWS[form.kind]),
            ("part", text.PARTS),
        ):
            key = f"s_{form.kind}_{name}"
            make_show(key, form.looks[name])
            st.segmented_control(
                name.capitalize(),
                list(names),
                format_func=names.__getitem__,
                key=key,
                required=True,
                label_visibility="collapsed",
                help=text.HELP.get(name),
                on_change=_chose,
                args=(form.kind, name, key),
            )


def _chose(kind: str, name: str, key: str) -> None:
    state.put(kind, name, st.session_state[key])


def sentences(form: Form, studies: Sequence[Found]) -> None:
    """What the data say, a paragraph a data set."""
    with st.container(key="said"):
        for found in studies:
            known = bool((found.frame["source"] != "").any())
            says = lambda_says if form.kind == "lambda" else uniform_says
            said = says(form, found) if known else [text.nothing_yet(found)]
            st.markdown("  \n".join([f"**{found.title}.** {said[0]}", *said[1:]]))
        st.caption(text.PUBLISHED_NOTE if form.kind == "lambda" else text.NESTED)


def told_of(form: Form, found: Found) -> Panel:
    """The metric that sentences are about: AUC, or beside errors the loss nearest to the truth."""
    if form.looks["view"] == "ranking":
        return PANELS["auc"]
    return PANELS["true_loss" if found.simulated else "mse"]


def lambda_says(form: Form, found: Found) -> list[str]:
    """Does it rise and fall? Which λ would one have chosen? Against what?"""
    part, panel = form.looks["part"], told_of(form, found)
    missing = int((found.frame["source"] == "").sum())
    sofar = " so far" if missing else ""
    name = text.named(panel.title)
    said = [
        f"What {name} does along λ{sofar}, in paired intervals that allow for looking everywhere:"
    ]
    for one in found.plan.series:
        curve = api.shape(found.frame, one.key, panel.column(part))
        chosen = api.choose(found.frame, one.key, part=part)
        told = curves.choice(one.label, chosen, "AUC").removeprefix(f"{one.label}: ")
        shape = curves.curve(one.label, name, curve, panel.lower)
        said.append(f"{shape} {told[:1].upper()}{told[1:]}")
    return [*said, f"{text.baseline(reading.strongest(found))} {_chance(form, found)}"]


def _chance(form: Form, found: Found) -> str:
    if form.looks["view"] != "ranking" or form.looks["show"] == "gains":
        return ""  # no line of its is drawn
    levels = reading.chance(found, form.looks["part"])
    return text.chance(levels, {key: panel.title for key, panel in PANELS.items()})


def uniform_says(form: Form, found: Found) -> list[str]:
    """What U alone achieves, and whether balancing helps at each end."""
    panel = told_of(form, found)
    column = panel.column(form.looks["part"])
    name = text.named(panel.title)
    said = [text.alone(found.frame, column, name) + f" {_chance(form, found)}"]
    ends = sorted({min(form.values), max(form.values)})
    for of, over in (("bal-autodebias", "autodebias"), ("autodebias", "mf"), ("cause", "mf")):
        pairs = [(x, api.gain(found.frame, column, (of, x), (over, x))) for x in ends]
        told = [text.pairwise(name, gain, x) for x, gain in pairs if gain]
        names = {one.key: one.label for one in found.plan.series}
        if told:
            said.append(f"**{names[of]} − {names[over]}** {'; '.join(told)}.")
    return said
