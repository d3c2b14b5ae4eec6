"""What the live panels show: their titles, their curves, and what each curve is called."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

# Columns that only some runs have: weights on all pairs, a second moment, errors of unseen ratings.
OPTIONAL = ("ess_all", "violation_r", "violation_in_sample")
IN_SAMPLE = OPTIONAL[2]
# What every view begins with, and what may be asked for beside it, by key in order.
FIRST = ("weights", "violation", "loss", "auc", "ndcg5", "log_loss")
MORE = ("sides", "ess", "ndcg10", "mse", "exact", "oracle", "seconds")
TITLES = {
    "weights": "How uniform the weights are",
    "violation": "Constraint violation",
    "loss": "Loss",
    "auc": "Validation AUC",
    "ndcg5": "Validation NDCG@5",
    "log_loss": "Validation log loss",
    "sides": "Both sides of the constraint",
    "ess": "Effective sample sizes",
    "ndcg10": "Validation NDCG@10",
    "mse": "Validation MSE",
    "exact": "Distance to the exact weights",
    "oracle": "Likeness to the oracle",
    "seconds": "Seconds an epoch",
}
PHASES = ("phi", "weights", "prediction", "evaluation")


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
    """One panel: title, the line under it that labels its curves, and what it draws.

    band: the target's standard error around 0, or around the column named. logs: whether a log
    axis means something; magnitude: it is the size that is drawn then, as the sign has no log.
    stack: lines add up, each drawn on top of the one before.
    """

    key: str
    title: str
    note: str
    lines: tuple[Line, ...]
    twin: tuple[str, ...] = ()
    band: bool | str = False
    include: tuple[float, ...] = ()
    logs: bool = False
    magnitude: bool = False
    stack: bool = False


def offered(balanced: bool, simulated: bool) -> tuple[str, ...]:
    """The panels that a launch of this kind can show, by key."""
    without = set() if balanced else {"ess", "exact", "oracle"}
    without |= set() if simulated else {"oracle"}
    return tuple(key for key in (*FIRST, *MORE) if key not in without)


def panels(
    balanced: bool,
    simulated: bool,
    present: Collection[str] = (),
    keys: Sequence[str] = FIRST,
) -> tuple[Panel, ...]:
    """The panels `keys` of a launch of this kind; `present`: which of OPTIONAL it has."""
    drawn = {
        "weights": _weights_panel(balanced, "ess_all" in present),
        "violation": _violation_panel(balanced, "violation_r" in present, IN_SAMPLE in present),
        "loss": _loss_panel(simulated),
        **_validation_panels(),
        "sides": _sides_panel(balanced),
        **_weights_more(),
        "seconds": _seconds_panel(),
    }
    can = offered(balanced, simulated)
    return tuple(replace(drawn[key], key=key) for key in keys if key in can)


def _loss_panel(simulated: bool) -> Panel:
    if not simulated:
        note, line = "the base method's own estimate", Line("loss", "loss")
        return Panel("", "Training loss", note, (line,), ("loss",), logs=True)
    return Panel(
        "",
        "Loss of the predictor",
        "<b>true ideal loss</b> over all pairs (bold), training loss (dotted)",
        (Line("true_loss", "true ideal loss"), Line("loss", "training loss", "dot", width=1.5)),
        ("true_loss",),
        logs=True,
    )


def _weights_panel(balanced: bool, on_all: bool) -> Panel:
    """Entropy and ESS; thin for w₁, the weights that imputed errors on all pairs have."""
    title = TITLES["weights"]
    if not balanced:
        return Panel("", title, "nothing is balanced: every weight is 1", ())
    lines = [Line("entropy", "entropy"), Line("ess", "ESS / n", "dot", width=1.8)]
    last = "1 = uniform"
    if on_all:
        last = "thin: w₁, all pairs"
        lines += [
            Line("entropy_all", "w₁ entropy", "solid", "all", 1.1, "w₁"),
            Line("ess_all", "w₁ ESS / n", "dot", "all", 1.1),
        ]
    note = f"<b>entropy</b> (bold), <b>ESS / n</b> (dotted); {last}"
    return Panel("", title, note, tuple(lines), include=(1.0,))


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
    return Panel(
        *("", TITLES["violation"], note, tuple(lines)),
        band=True,
        include=(0.0,),
        logs=True,
        magnitude=True,
    )


def _sides_panel(balanced: bool) -> Panel:
    lines = [
        Line("left", "left side"),
        Line("left_uniform", "left side, uniform weights", "dot", "uniform", 1.6),
        Line("target", "target t", "solid", "target", 1.6, "t"),
    ]
    note = "<b>left side</b> (bold), target t (blue) ± SE"
    return Panel(
        "", TITLES["sides"], note, tuple(lines if balanced else lines[1:]), band="target", logs=True
    )


def _weights_more() -> dict[str, Panel]:
    found = (
        Line("ess", "ESS / n of w"),
        Line("ess_estimate", "ESS / n of w/p̂", "dot", width=1.8),
    )
    note = "over n; of <b>w</b> (bold), of w/p̂ (dotted); high ≠ good"
    ess = Panel("", TITLES["ess"], note, found, include=(0.0, 1.0))
    note = "KL(w ‖ exact at this λ) in nats; 0 = as exact"
    kl = (Line("exact_kl", "KL"),)
    exact = Panel("", TITLES["exact"], note, kl, include=(0.0,), logs=True)
    note = "correlation of log w with log oracle weights"
    likeness = (Line("oracle_correlation", "r"),)
    oracle = Panel("", TITLES["oracle"], note, likeness, include=(0.0, 1.0))
    return {"ess": ess, "exact": exact, "oracle": oracle}


def _seconds_panel() -> Panel:
    lines = tuple(Line(f"seconds_{name}", name, role=name, width=0.8) for name in PHASES)
    note = "all runs; from below: φ, weights, prediction, evaluation"
    return Panel("", TITLES["seconds"], note, lines, include=(0.0,), stack=True)


def _validation_panels() -> dict[str, Panel]:
    return {
        key: Panel("", title, note, (Line(column, title),), (column,), logs=logs)
        for key, column, title, note, logs in (
            ("auc", "validation_auc", TITLES["auc"], "higher is better; chooses the best epoch", 0),
            ("ndcg5", "validation_ndcg5", TITLES["ndcg5"], "higher is better", 0),
            ("ndcg10", "validation_ndcg10", TITLES["ndcg10"], "higher is better", 0),
            ("mse", "validation_mse", TITLES["mse"], "lower is better", 1),
            (
                *("log_loss", "validation_log_loss", TITLES["log_loss"]),
                *("nats per rating; lower is better", 1),
            ),
        )
    }
