"""The lab: choose, start, watch, and read what came of it."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

import streamlit as st

from dashboard import (
    advanced,
    controls,
    ended,
    examples,
    forms,
    live,
    moving,
    page_state,
    play,
    view,
)
from dashboard.settings import is_simulated
from dashboard.text import lab as text
from dashboard.verdict import Verdict, outcome_of, verdict
from engine import api


def page() -> None:
    """The whole page, top to bottom."""
    st.session_state.setdefault("choices", {})
    page_state.adopt_url()
    shown, trouble = _shown()
    form = page_state.read_form()
    progress = live.progress_of(shown)  # read once: buttons and charts must not disagree
    left, main = st.columns([1, 3.75], gap="medium")
    with left, st.container(key="controls"):
        examples.examples()
        st.title("Counterweight", anchor=False)
        controls.controls(form, moving.movable(form, shown, progress))
        play.buttons(form, shown, progress, _start, _reset)
        advanced.advanced(form)
    page_state.write_url(form)
    with main, st.container(key="main"):
        if trouble:
            st.warning(trouble)
        header = _header_of(form, shown)
        live.watch(shown, progress, form.config, header)
        if shown is not None:
            ended.below(shown)


def _shown() -> tuple[live.Shown | None, str]:
    """The launch named in the URL with its configs, or why it cannot be shown."""
    name = st.session_state.get("launch")
    if not name:
        return None, ""
    try:
        launch = api.find_launch(name)
        configs = tuple(api.run(run).config for run in launch.runs)
    except api.StoreError:
        st.session_state["launch"] = None
        return None, (
            f"Launch {name} is not in this store of runs: it was made on another machine, or "
            "deleted since. The settings are those of the link; Start trains them again."
        )
    if not st.session_state["choices"]:  # a link that names the launch only
        st.session_state["choices"] = forms.form_of_runs(list(configs))
    return live.Shown(launch, configs, is_simulated(configs[0])), ""


def _start(form: forms.Form, token: str, step: str = "") -> None:
    """Check, launch and remember; what is wrong is said beside its field.

    Args:
        step: launch it paused and take this step.
    """
    state = st.session_state
    state.pop("start_trouble", None)
    try:
        if play.too_late(state.get("launch"), "start"):
            return
        launched = forms.configs(form)
        api.check(launched[0])
        api.ensure_workers()
        state["launch"] = api.launch(
            launched, token=token, paused=bool(step), speed=play.speed()
        ).id
        if step:
            api.step(state["launch"], step)
        view.change(zoom=None, at=None)  # they belong to the launch before
    except api.FieldError as error:
        state["refused"] = {error.field: str(error)}
    except api.CounterweightError as error:
        state["start_trouble"] = str(error)


def _start_again(shown: live.Shown, changes: dict[str, str], token: str) -> None:
    """The same launch again with other settings, as the verdict advises."""
    choices = forms.form_of_runs(list(shown.configs)) | changes
    st.session_state["choices"] = choices
    _start(page_state.read_form(), token)


def _reset() -> None:
    """Back to the first minute: preset values, no launch. Nothing is stopped or deleted."""
    for name in ("launch", "refused", "start_trouble", "late", "speed"):
        st.session_state.pop(name, None)
    st.session_state["choices"] = {}


def _header_of(form: forms.Form, shown: live.Shown | None) -> Callable[[Any], None]:
    """What draws the status line and the verdict above the charts."""
    token = secrets.token_hex(8)

    def header(now: Any) -> None:
        with st.container(key="status"):
            _status(form, shown, now)
        with st.container(key="verdict"):
            if not play.changed(shown, now):
                _verdict(form, shown, live.phase(now) == "ended", token)

    return header


def _status(form: forms.Form, shown: live.Shown | None, now: Any) -> None:
    simulated = shown.simulated if shown else is_simulated(form.config)
    own = (shown.configs[0] if shown else form.config).dataset.startswith("csv:")
    real = "your own data" if own else "real data"  # a file of one's own may be anything
    badge = ":violet-badge[simulated data]" if simulated else f":green-badge[{real}]"
    if shown is None or now is None:
        runs = "one run" if form.seeds == 1 else f"{form.seeds} runs"
        twins = " and their twins without weights" if form.config.balanced else ""
        st.progress(0.0, text=f"{badge} **Press Start**: {runs}{twins} train here at once.")
        return
    share = min(1.0, now.epoch / max(1, shown.configs[0].epochs))
    said = text.status(now, shown.configs[0].epochs)
    st.progress(share, text=f"{badge} **{said}** · {moving.title(form, shown)}")


def _verdict(form: forms.Form, shown: live.Shown | None, over: bool, token: str) -> None:
    """Three sentences kept apart; their questions until there are answers."""
    found = _found(shown) if shown is not None and over else None
    if found is None:
        simulated = shown.simulated if shown else is_simulated(form.config)
        balanced = shown.balanced if shown else form.config.balanced
        asked = text.questions(balanced, simulated)
        for place, (about, question) in zip(st.columns(len(asked)), asked, strict=True):
            place.markdown(f"**{about}**  \n:gray[{question}]")
        return
    n = len(found.parts)
    places = st.columns([*(1.2, 1.5, 1.05)[:n], 1.0] if found.next else n)
    for place, part in zip(places, found.parts, strict=False):
        colour = {True: ":green[{}]", False: ":orange[{}]", None: "{}"}[part.good]
        place.markdown(f"**{part.about}: {colour.format(part.finding)}**  \n{part.detail}")
    if found.next and shown is not None:
        places[n].button(
            found.next.name,
            key="try_next",
            width="stretch",
            on_click=_start_again,
            args=(shown, dict(found.next.changes), token),
            help=found.next.why,
        )


def _found(shown: live.Shown) -> Verdict | None:
    """The verdict, once there is a best epoch to speak of."""
    if not shown.balanced:
        return None
    runs = api.runs(launch=shown.launch.id).set_index("run")
    if runs["best_epoch"].isna().all():
        return None
    columns = (
        *("violation", "violation_uniform", "violation_in_sample", "target_se"),
        *("oracle_correlation", "ess", "ess_estimate"),
    )
    epochs = api.epochs(list(shown.launch.runs), columns=columns)
    reach = api.reach(shown.launch.runs)
    return verdict(outcome_of(runs, epochs, shown.launch.twins, shown.configs[0], reach))


page()
