"""What the panels of a study's figure show: titles, columns, and which metrics stand together."""

from __future__ import annotations

from dataclasses import dataclass

PARTS = {"test_clean": "clean test ratings", "test": "test ratings as published"}


@dataclass(frozen=True)
class Panel:
    """One metric. split: whether its column begins with the part of the test ratings.

    note: how to read it, short: where there is little room. lower: less is better. signed: 0 is
    meant, drawn with a line.
    """

    key: str
    title: str
    note: str
    split: bool = True
    lower: bool = False
    signed: bool = False
    short: str = ""

    def column(self, part: str) -> str:
        """Its column in a study's frame."""
        return f"{part}_{self.key}" if self.split else self.key

    @property
    def reference(self) -> bool:
        """Whether published values, chance and a strongest baseline have a place in it."""
        return self.split


PANELS = {
    panel.key: panel
    for panel in (
        Panel(
            "violation",
            "Constraint violation",
            "band: ± SE of the target; dashed: uniform weights",
            split=False,
            signed=True,
            short="band: ± SE; dashed: uniform",
        ),
        Panel("auc", "AUC", "higher is better"),
        Panel("ndcg5", "NDCG@5", "higher is better"),
        Panel("ndcg10", "NDCG@10", "higher is better"),
        Panel("mse", "MSE", "lower is better", lower=True),
        Panel("log_loss", "Log loss", "lower is better", lower=True),
        Panel("true_loss", "True ideal loss", "over all pairs; lower is better", False, True),
        Panel("ess", "ESS / n", "1: uniform weights", False),
    )
}
# kind of study -> view -> its panels, in order.
VIEWS: dict[str, dict[str, tuple[str, ...]]] = {
    "lambda": {
        "ranking": ("violation", "auc", "ndcg5", "ndcg10"),
        "errors": ("ess", "mse", "log_loss", "true_loss"),
    },
    "uniform": {
        "ranking": ("auc", "ndcg5", "ndcg10", "mse"),
        "errors": ("violation", "ess", "log_loss", "true_loss"),
    },
}


def panels_of(kind: str, view: str, simulated: bool) -> tuple[Panel, ...]:
    """The panels of a view; the true ideal loss exists on simulated data only."""
    keys = VIEWS[kind][view]
    return tuple(PANELS[key] for key in keys if simulated or key != "true_loss")


def columns_of(kind: str, part: str) -> list[str]:
    """Every column that any view of a kind draws, and what goes with it."""
    keys = dict.fromkeys(key for view in VIEWS[kind].values() for key in view)
    return [*(PANELS[key].column(part) for key in keys), "violation_uniform", "target_se"]
