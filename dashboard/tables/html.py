"""Tables as HTML, set like a paper's: pure functions from data to markup, styled in style.css.

Published values stand in italics behind a hollow diamond. A verdict is a word in a chip, and opens
to the sentence behind it by click, touch or keyboard.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any
from urllib.parse import quote

from dashboard.charts.theme import number
from dashboard.text import tables as text
from engine import api

HEADS = {"measured": "measured", "published": "paper", "relative": "RI"}
SIGNS = {
    "supported": "+",
    "supported but negligible": "(+)",
    "practically equal": "=",
    "contradicted": "−",
}


def table(shown: Any) -> str:
    """A table study: a row a method, under every metric measured, published, improvement."""
    groups = api.table_columns(shown)
    first = ["<th rowspan='2' scope='col' class='name'>Method</th>"]
    second = []
    for metric, subs in groups:
        title = escape(api.TABLE_TITLES[metric])
        first.append(f"<th colspan='{len(subs)}' scope='colgroup' class='group'>{title}</th>")
        for k, sub in enumerate(subs):
            edge = " edge" if k == 0 else ""
            second.append(f"<th scope='col' class='{sub}{edge}'>{HEADS[sub]}</th>")
    for name in ("Seeds", "d", "Optimiser", "Trials", "Source"):
        first.append(f"<th rowspan='2' scope='col' class='setting'>{name}</th>")
    head = f"<thead><tr>{''.join(first)}</tr><tr>{''.join(second)}</tr></thead>"
    body = "".join(
        _row(shown, row, groups, first)
        for row, first in zip(shown.rows, _starts(shown), strict=True)
    )
    return _wrapped(f"<table class='paper'>{head}<tbody>{body}</tbody></table>", shown.title)


def _wrapped(content: str, label: str) -> str:
    """Wide tables scroll by themselves, by keyboard too."""
    return (
        f"<div class='paper-scroll' tabindex='0' role='region' aria-label='{escape(label)}'>"
        f"{content}</div>"
    )


def _row(shown: Any, row: Any, groups: Sequence[tuple[str, tuple[str, ...]]], first: bool) -> str:
    cells = [f"<th scope='row' class='name'>{escape(row.label)}</th>"]
    for metric, subs in groups:
        for k, sub in enumerate(subs):
            edge = " edge" if k == 0 else ""
            cells.append(f"<td class='{sub}{edge}'>{_cell(row.numbers[metric], metric, sub)}</td>")
    seeds = max((one.n for one in row.numbers.values()), default=0)
    of = f"{seeds}" if seeds == shown.seeds else f"{seeds} of {shown.seeds}"
    cells += [
        f"<td class='setting'>{value}</td>" for value in (of, row.d, row.optimizer, row.trials)
    ]
    cells.append(f"<td class='source'>{row.source or 'not measured'}</td>")
    weighted = row.label.startswith("Bal-") or shown.kind == "table4"
    role = "balanced" if weighted else "base"
    role = "oracle" if "oracle" in row.label else role
    return f"<tr class='{role}{' first' if first else ''}'>{''.join(cells)}</tr>"


def _starts(shown: Any) -> list[bool]:
    """Where a line stands above a row: every new base method, or start."""
    over = [row.base for row in shown.rows]
    if shown.kind == "table2":
        return [not row.base and "oracle" not in row.label for row in shown.rows]
    return [k > 0 and base != over[k - 1] for k, base in enumerate(over)]


def _cell(one: Any, metric: str, sub: str) -> str:
    if sub == "measured":
        if not one.n:
            return "–"
        mean, _, sd = api.measured_text(one, metric).partition(" ± ")
        return mean + (f"<span class='sd'> ± {sd}</span>" if sd else "")
    if sub == "published":
        if one.published is None:
            return ""
        relative = one.published_relative
        said = "" if relative is None else f"the paper's RI: {api.relative_text(relative)}"
        return f'<i title="{escape(said)}">◇ {api.published_text(one)}</i>'
    if one.gain is None:
        return ""
    sign = SIGNS.get(one.claim.verdict, "") if one.claim else ""
    said = one.claim.sentence if one.claim else ""
    mark = f"<sup>{sign}</sup>" if sign else ""
    return f"<span title='{escape(said)}'>{api.relative_text(one.gain.relative)}{mark}</span>"


def chip(verdict: str, evidence: str = "") -> str:
    """A verdict in words; opens to its evidence where there is any."""
    kind = text.CHIPS.get(verdict, "open")
    if not evidence:
        return f"<span class='chip {kind}'>{escape(verdict)}</span>"
    return (
        f"<details class='why'><summary class='chip {kind}' title='{escape(evidence)}'>"
        f"{escape(verdict)}</summary><p>{escape(evidence)}</p></details>"
    )


def claims_grid(claims: Sequence[Any], metrics: Sequence[str]) -> str:
    """A family of claims: a row a pair, in each metric the gain, its interval and the verdict."""
    heads = "".join(f"<th scope='col'>{escape(api.TABLE_TITLES[m])}</th>" for m in metrics)
    by_pair: dict[tuple[str, str], dict[str, Any]] = {}
    for claim in claims:
        by_pair.setdefault((claim.a, claim.b), {})[claim.metric] = claim
    body = ""
    for (a, b), own in by_pair.items():
        cells = "".join(f"<td>{_claim(own[m]) if m in own else '–'}</td>" for m in metrics)
        body += (
            f"<tr><th scope='row' class='name'>{escape(a)} <i>over</i> {escape(b)}</th>{cells}</tr>"
        )
    head = f"<thead><tr><th scope='col' class='name'>Claim</th>{heads}</tr></thead>"
    return _wrapped(f"<table class='paper claims'>{head}<tbody>{body}</tbody></table>", "Claims")


def _claim(claim: Any) -> str:
    places = 4 if claim.metric == "mse" else 3
    gain = "–" if claim.gain is None else number(claim.gain, places, signed=True)
    bounds = ""
    if claim.low is not None and claim.high is not None:
        low, high = (number(v, places, signed=True) for v in (claim.low, claim.high))
        bounds = f"<span class='bounds'>{low} to {high}</span>"
    return f"<div class='gain'>{gain} {bounds}</div>{chip(claim.verdict, claim.sentence)}"


def gains_grid(shown: Any) -> str:
    """Gains over the base with their own 95 % t intervals, before claims can be checked."""
    rows = [row for row in shown.rows if row.base]
    heads = "".join(f"<th scope='col'>{escape(api.TABLE_TITLES[m])}</th>" for m in shown.metrics)
    body = ""
    for row in rows:
        cells = "".join(f"<td>{_gain(row.numbers[m], m)}</td>" for m in shown.metrics)
        pair = f"{escape(row.label)} <i>over</i> {escape(row.base)}"
        body += f"<tr><th scope='row' class='name'>{pair}</th>{cells}</tr>"
    head = f"<thead><tr><th scope='col' class='name'>Gain</th>{heads}</tr></thead>"
    return _wrapped(f"<table class='paper claims'>{head}<tbody>{body}</tbody></table>", "Gains")


def _gain(one: Any, metric: str) -> str:
    if one.gain is None:
        return "–"
    places = 4 if metric in ("mse", "true_loss") else 3
    gain = number(one.gain.mean, places, signed=True)
    if one.gain.n < 2:
        return f"<div class='gain'>{gain}</div>"
    low, high = (number(v, places, signed=True) for v in (one.gain.low, one.gain.high))
    return f"<div class='gain'>{gain} <span class='bounds'>{low} to {high}</span></div>"


def statements(found: Mapping[str, Sequence[Any]], links: Mapping[str, str], more: str) -> str:
    """The paper's claims and ours: a row a statement, for every data set verdict and evidence.

    Args:
        found: data set's title -> its claims, the same statements in the same order.
        links: study kind -> the address of the page that can start it.
        more: parameters of the address beside data set and seeds, "" or "&epochs=9".
    """
    titles = list(found)
    heads = "".join(f"<th scope='col'>{escape(title)}</th>" for title in titles)
    body, ours = "", False
    for row in zip(*found.values(), strict=True):
        one = row[0]
        if one.ours and not ours:
            body += f"<tr class='ours'><th colspan='{1 + len(titles)}'>And ours</th></tr>"
            ours = True
        where = f"<span class='where'>{escape(one.where)}</span>"
        cells = "".join(f"<td>{_statement(claim, links, more)}</td>" for claim in row)
        body += f"<tr><th scope='row' class='said'>{escape(one.statement)}{where}</th>{cells}</tr>"
    head = f"<thead><tr><th scope='col' class='said'>The paper says</th>{heads}</tr></thead>"
    return f"<table class='paper statements'>{head}<tbody>{body}</tbody></table>"


def _statement(claim: Any, links: Mapping[str, str], more: str) -> str:
    rest = f"<span class='rests'>{claim.seeds} seeds, {claim.source}</span>" if claim.seeds else ""
    said = f"{chip(claim.verdict)} {rest}<div class='evidence'>{escape(claim.evidence)}"
    command = f"<code>{escape(claim.command)}</code>"
    if claim.verdict in ("not measured yet", "undecided"):
        seeds = len(claim.plan.seeds)
        own = claim.command.startswith("python -m engine study")
        link = links.get(claim.plan.kind, "") if own else ""
        if link:
            join = "&" if "?" in link else "?"
            address = f"{link}{join}datasets={quote(claim.plan.dataset)}&seeds={seeds}{more}"
            said += f" <a href='{escape(address)}' target='_self'>Open its study</a>"
        said += f" {command}" if claim.verdict == "not measured yet" or not claim.seeds else ""
    return f"{said}</div>"
