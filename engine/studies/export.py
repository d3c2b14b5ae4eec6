"""A table as Markdown, LaTeX (booktabs) and CSV: text to take away, its caption with it."""

from __future__ import annotations

import math
from collections.abc import Callable

import pandas as pd

from engine.studies.tables import Number, Table, TableRow

TITLES = {
    "auc": "AUC",
    "ndcg5": "NDCG@5",
    "ndcg10": "NDCG@10",
    "mse": "MSE",
    "log_loss": "Log loss",
    "true_loss": "True loss",
}
DECIMALS = {"mse": 4, "true_loss": 4}
# Verdict -> how it is written: plain, and in LaTeX's math mode.
MARKS = {
    "supported": ("⁺", "+"),
    "supported but negligible": ("⁽⁺⁾", "(+)"),
    "practically equal": ("⁼", "="),
    "contradicted": ("⁻", "-"),
    "undecided": ("", ""),
}
DASH = "–"
_LATEX = {
    **{c: f"\\{c}" for c in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "\\": r"\textbackslash{}",
    "±": r"$\pm$",
    "−": "$-$",
    "–": "--",
    "λ": r"$\lambda$",
    "₁": "$_1$",
    "₂": "$_2$",
}


def decimals(metric: str) -> int:
    """Decimals of a metric in print: those of the paper, one more for squared errors."""
    return DECIMALS.get(metric, 3)


def measured_text(number: Number, metric: str) -> str:
    """ "0.771 ± 0.006", the mean alone with one seed, a dash without any."""
    if not number.n:
        return DASH
    places = decimals(metric)
    mean = f"{number.mean:.{places}f}"
    return mean if math.isnan(number.sd) else f"{mean} ± {number.sd:.{places}f}"


def relative_text(relative: float | None) -> str:
    """ "+1.4 %" with a true minus sign; a dash where there is none."""
    if relative is None:
        return DASH
    text = f"{100 * relative:+.1f}"
    return ("0.0" if float(text) == 0 else text).replace("-", "−") + " %"


def published_text(number: Number) -> str:
    """As the paper prints it."""
    return DASH if number.published is None else f"{number.published:.3f}"


def verdict_of(number: Number) -> str:
    """The verdict on a gain, "" where no claim was checked."""
    return "" if number.claim is None else number.claim.verdict


def markdown(table: Table) -> str:
    """A GitHub table, published values in italics, the caption under it."""
    head, kinds = ["Method"], [":--"]
    for metric, subs in table_columns(table):
        names = {"measured": TITLES[metric], "published": "*paper*", "relative": "RI"}
        head += [names[sub] for sub in subs]
        kinds += ["--:"] * len(subs)
    head += ["Seeds", "d", "Optimiser", "Trials", "Source"]
    kinds += ["--:", "--:", ":--", "--:", ":--"]
    lines = [head, kinds]
    for row in table.rows:
        cells = [row.label]
        for metric, subs in table_columns(table):
            cells += [_markdown_cell(row, metric, sub) for sub in subs]
        lines.append([*cells, *_settings(row)])
    body = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    return f"{body}\n\n{table.caption}\n"


def _markdown_cell(row: TableRow, metric: str, sub: str) -> str:
    number = row.numbers[metric]
    if sub == "measured":
        return measured_text(number, metric)
    if sub == "published":
        told = published_text(number)
        return told if told == DASH else f"*{told}*"
    relative = relative_text(number.gain.relative if number.gain else None)
    return relative + (MARKS[verdict_of(number)][0] if verdict_of(number) else "")


def latex(table: Table) -> str:
    """A table float for booktabs, one group of columns a metric; needs only `booktabs`."""
    groups = table_columns(table)
    spec = "l" + "".join("r" * len(subs) for _, subs in groups) + "rrlrl"
    first, rules, second, at = ["Method"], [], [""], 2
    names = {"measured": "measured", "published": "paper", "relative": "RI"}
    for metric, subs in groups:
        first.append(rf"\multicolumn{{{len(subs)}}}{{c}}{{{latex_text(TITLES[metric])}}}")
        rules.append(rf"\cmidrule(lr){{{at}-{at + len(subs) - 1}}}")
        second += [names[sub] for sub in subs]
        at += len(subs)
    first += ["Seeds", "$d$", "Optimiser", "Trials", "Source"]
    second += [""] * 5
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{latex_text(table.caption)}}}",
        rf"\begin{{tabular}}{{{spec}}}",
        r"\toprule",
        " & ".join(first) + r" \\",
        " ".join(rules),
        " & ".join(second) + r" \\",
        r"\midrule",
    ]
    for row in table.rows:
        cells = [latex_text(row.label)]
        for metric, subs in groups:
            cells += [_latex_cell(row, metric, sub) for sub in subs]
        lines.append(" & ".join([*cells, *map(latex_text, _settings(row))]) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", r"\end{table}", ""])


def _latex_cell(row: TableRow, metric: str, sub: str) -> str:
    number = row.numbers[metric]
    if sub == "measured":
        return latex_text(measured_text(number, metric))
    if sub == "published":
        told = published_text(number)
        return latex_text(told) if told == DASH else rf"\textit{{{told}}}"
    relative = latex_text(relative_text(number.gain.relative if number.gain else None))
    mark = MARKS[verdict_of(number)][1] if verdict_of(number) else ""
    return relative + (f"$^{{{mark}}}$" if mark else "")


def latex_text(text: str) -> str:
    """Plain text with LaTeX's special characters escaped."""
    return "".join(_LATEX.get(letter, letter) for letter in text)


def csv(table: Table) -> str:
    """Long form, a line a row and metric, all digits; empty where nothing is known."""
    return as_frame(table).to_csv(index=False)


def as_frame(table: Table) -> pd.DataFrame:
    """A line a row and metric: everything the table shows, with all its digits."""
    lines = []
    for row in table.rows:
        for metric, number in row.numbers.items():
            gained, claim = number.gain, number.claim
            lines.append(
                {
                    "table": table.kind,
                    "dataset": table.dataset,
                    "ratings": table.part,
                    "method": row.label,
                    "base": row.base,
                    "metric": metric,
                    "mean": number.mean,
                    "sd": number.sd,
                    "seeds": number.n,
                    "published": number.published,
                    "gain": gained.mean if gained else None,
                    "gain_low": gained.low if gained else None,
                    "gain_high": gained.high if gained else None,
                    "relative_improvement": gained.relative if gained else None,
                    "published_relative_improvement": number.published_relative,
                    "verdict": verdict_of(number),
                    "simultaneous_low": claim.low if claim else None,
                    "simultaneous_high": claim.high if claim else None,
                    "resolvable": claim.resolvable if claim else None,
                    "d": row.d,
                    "optimizer": row.optimizer,
                    "trials": row.trials,
                    "source": row.source,
                }
            )
    return pd.DataFrame(lines)


def table_columns(table: Table) -> list[tuple[str, tuple[str, ...]]]:
    """The metrics, and under each what stands there."""
    found = []
    for metric in table.metrics:
        subs = ["measured"]
        if any(row.numbers[metric].published is not None for row in table.rows):
            subs.append("published")
        if table.has_gains:
            subs.append("relative")
        found.append((metric, tuple(subs)))
    return found


def _settings(row: TableRow) -> list[str]:
    seeds = max((number.n for number in row.numbers.values()), default=0)
    source = row.source or "not measured"
    return [str(seeds), row.d, row.optimizer, str(row.trials), source]


WRITERS: dict[str, Callable[[Table], str]] = {"markdown": markdown, "latex": latex, "csv": csv}
