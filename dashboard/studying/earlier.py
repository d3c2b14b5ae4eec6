"""Studies of this store that the page can show again: a list of links."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboard.studying import form as forms
from engine import api

MOST = 8
PAGES = {"lambda": "app_pages/lambda_study.py", "uniform": "app_pages/uniform_study.py"}


def earlier(kind: str, shown: set[str]) -> None:
    """The newest studies of a kind, those on the page aside; nothing where there are none."""
    records = [r for r in api.studies() if r.kind == kind and r.id not in shown][:MOST]
    known = [(record, params) for record in records if (params := params_of(record.plan))]
    if not known:
        return
    with st.popover("Earlier studies", type="tertiary", key="earlier"):
        for record, params in known:
            st.page_link(PAGES[kind], label=_label(record, params), query_params=params)


def params_of(plan: str) -> dict[str, str] | None:
    """The URL's parameters of a stored plan; None where this page cannot show just that plan."""
    read = api.Plan.model_validate_json(plan)
    balanced = [one.config for one in read.series if one.config.balance != "none"]
    config = (balanced or [read.series[0].config])[0]
    raw = {
        "datasets": read.dataset,
        "values": forms.values_text([float(value) for value in read.values]),
        "seeds": str(len(read.seeds)),
        "moments": ",".join(config.moments),
    }
    keys = [one.key for one in read.series]
    if read.kind == "lambda":
        raw["methods"] = ",".join(keys)
    else:
        raw |= {"extra": ",".join(k for k in keys if k in forms.extras())}
        raw |= {"lam": forms.lam_text(config.lam)}
    if config.epochs != api.preset(read.dataset, config.method).epochs:
        raw["epochs"] = str(config.epochs)
    if read.dataset.startswith("simulated"):
        raw["confounding"] = config.confounding
    form = forms.read(read.kind, raw, [])
    if [one.id for one in form.plans] != [read.id]:
        return None
    return forms.as_params(form, raw)


def _label(record: Any, params: dict[str, str]) -> str:
    told = [f"{params.get('seeds', forms.SEEDS_DEFAULT)} seeds"]
    told += [
        f"{name} {params[name]}" for name in ("methods", "moments", "epochs") if name in params
    ]
    return f"{record.title}, {', '.join(told)} ({record.state})"
