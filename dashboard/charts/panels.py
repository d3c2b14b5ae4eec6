"""What the six live panels show: their titles, their curves, and what each curve is called."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    """One quantity in a panel: its column, its name in print, its dash and role in the legend."""

    column: str
    name: str
    dash: str = "solid"
    role: str = "mean"
    width: float = 2.4


@dataclass(frozen=True)
class Panel:
    """One panel: title, the line under it that labels its curves, and what it draws."""

    title: str
    note: str
    lines: tuple[Line, ...]
    twin: tuple[str, ...] = ()
    band: bool = False
    include: tuple[float, ...] = ()


def panels(balanced: bool, simulated: bool, second_moment: bool) -> tuple[Panel, ...]:
    """What the six panels show for a launch of this kind."""
    weights = Panel(
        "How uniform the weights are",
        "<b>entropy</b> (bold), <b>ESS / n</b> (dotted); 1 = uniform",
        (Line("entropy", "entropy"), Line("ess", "ESS / n", dash="dot", width=1.8)),
        include=(1.0,),
    )
    violation_lines = [
        Line("violation", "violation"),
        Line("violation_uniform", "same model, uniform weights", "dot", "uniform", 1.6),
    ]
    if second_moment:
        violation_lines.append(
            Line("violation_r", "violation of the label", "dashdot", "mean", 1.6)
        )
    if not balanced:
        violation_lines = [Line("violation_uniform", "violation")]
    violation = Panel(
        "Constraint violation",
        "of the <b>error</b> (bold) and the label (dash-dot); band: ± SE"
        if second_moment
        else "left side − target; band: ± SE of the target",
        tuple(violation_lines),
        band=True,
        include=(0.0,),
    )
    loss = Panel(
        "Training loss",
        "the base method's, on the biased ratings",
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
    return (weights, violation, loss, *_validation_panels())


def _validation_panels() -> tuple[Panel, ...]:
    return tuple(
        Panel(title, note, (Line(column, title),), (column,))
        for column, title, note in (
            ("validation_auc", "Validation AUC", "higher is better; chooses the best epoch"),
            ("validation_ndcg5", "Validation NDCG@5", "higher is better"),
            ("validation_log_loss", "Validation log loss", "nats per rating; lower is better"),
        )
    )
