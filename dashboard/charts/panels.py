"""What the six live panels show: their titles, their curves, and what each curve is called."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

# Columns that only some runs have: weights on all pairs, a second moment, errors of unseen ratings.
OPTIONAL = ("ess_all", "violation_r", "violation_in_sample")
IN_SAMPLE = OPTIONAL[2]


@dataclass(frozen=True)
class Line:
    """One quantity in a panel: its column, its name in print, its dash and role in the legend.

    label: written at the curve's end, in place of a legend entry.
    """

    column: str
    name: str
    dash: str = "solid"
    role: str = "mean"
    width: float = 2.4
    label: str = ""


@dataclass(frozen=True)
class Panel:
    """One panel: title, the line under it that labels its curves, and what it draws."""

    title: str
    note: str
    lines: tuple[Line, ...]
    twin: tuple[str, ...] = ()
    band: bool = False
    include: tuple[float, ...] = ()


def panels(balanced: bool, simulated: bool, present: Collection[str] = ()) -> tuple[Panel, ...]:
    """What the six panels show for a launch of this kind; `present`: which of OPTIONAL it has."""
    loss = Panel(
        "Training loss",
        "the base method's own estimate",
        (Line("loss", "loss"),),
        ("loss",),
    )
    if simulated:
        loss = Panel(
            "Loss of the predictor",
            "<b>true ideal loss</b> over all pairs (bold), training loss (dotted)",
            (Line("true_loss", "true ideal loss"), Line("loss", "training loss", "dot", width=1.5)),
            ("true_loss",),
        )
    weights = _weights_panel(balanced, "ess_all" in present)
    violation = _violation_panel(balanced, "violation_r" in present, IN_SAMPLE in present)
    return (weights, violation, loss, *_validation_panels())


def _weights_panel(balanced: bool, on_all: bool) -> Panel:
    """Entropy and ESS; thin for w₁, the weights that imputed errors on all pairs have."""
    title = "How uniform the weights are"
    if not balanced:
        return Panel(title, "nothing is balanced: every weight is 1", ())
    lines = [Line("entropy", "entropy"), Line("ess", "ESS / n", "dot", width=1.8)]
    last = "1 = uniform"
    if on_all:
        last = "thin: w₁, all pairs"
        lines += [
            Line("entropy_all", "w₁ entropy", "solid", "all", 1.1, "w₁"),
            Line("ess_all", "w₁ ESS / n", "dot", "all", 1.1),
        ]
    note = f"<b>entropy</b> (bold), <b>ESS / n</b> (dotted); {last}"
    return Panel(title, note, tuple(lines), include=(1.0,))


def _violation_panel(balanced: bool, second: bool, apart: bool) -> Panel:
    """second: the label is balanced too. apart: the errors balanced are not the model's own."""
    if not balanced:
        lines = [Line("violation_uniform", "violation")]
    else:
        lines = [
            Line("violation", "violation"),
            Line("violation_uniform", "same model, uniform weights", "dot", "uniform", 1.6),
        ]
        if second:
            lines.append(Line("violation_r", "violation of the label", "dashdot", "mean", 1.6))
        if apart:
            lines.append(Line(IN_SAMPLE, "in-sample", "dot", "in_sample", 1.6, "in-sample"))
    note = "left side − target; band: ± SE of the target"
    if balanced and second:
        note = "of the <b>error</b> (bold) and the label (dash-dot); band: ± SE"
    elif balanced and apart:
        note = "<b>unseen ratings</b> (bold), in-sample (dotted); band: ± SE"
    return Panel("Constraint violation", note, tuple(lines), band=True, include=(0.0,))


def _validation_panels() -> tuple[Panel, ...]:
    return tuple(
        Panel(title, note, (Line(column, title),), (column,))
        for column, title, note in (
            ("validation_auc", "Validation AUC", "higher is better; chooses the best epoch"),
            ("validation_ndcg5", "Validation NDCG@5", "higher is better"),
            ("validation_log_loss", "Validation log loss", "nats per rating; lower is better"),
        )
    )
