"""Examples to start from: each a complete setting of the Lab, and one sentence on what it shows.

The sentences were checked by training: `tests/ui/test_cards.py` trains each of them small and looks
for what it promises. All are simulated, since only there it can be said who is right.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Card:
    """choices: what differs from the Lab's first setting, by field, as a URL writes it."""

    name: str
    sentence: str
    choices: dict[str, str] = field(default_factory=dict)


# Less decay than the preset's lets the predictor overfit, so that its errors tell less of the
# confounder; 10, the preset's, hardly does.
CARDS: tuple[Card, ...] = (
    Card(
        "No confounder",
        "Propensities explain who rates what: IPS meets the target within its noise, and there is "
        "nothing to balance.",
        {"confounding": "none"},
    ),
    Card(
        "Strong confounder",
        "Something unseen drives both: IPS is off by several times the target's noise, and the "
        "weights repair it.",
        {"confounding": "strong"},
    ),
    Card(
        "Too few uniform ratings",
        "With 20 of them the target is off by as much as the violation itself: seeds disagree on "
        "what there is to correct.",
        {"uniform_fraction": "0.005"},
    ),
    Card(
        "λ too large: weights collapse onto few ratings",
        "The predictor fits its ratings too well to have any errors on them; forced to meet the "
        "target all the same, the weights pick a handful.",
        {"weight_decay": "1", "lam": "65536"},
    ),
    Card(
        "Constraint met, weights still wrong",
        "Exact weights meet the constraint to the last digit, and are neither the oracle's nor of "
        "any use to the predictor.",
        {"weight_decay": "3", "balance": "exact", "constraint": "hard"},
    ),
    Card(
        "Balance the label too",
        "The same with a second condition, on the mean label: now the weights follow the "
        "confounder, and the true loss falls in every seed.",
        {"weight_decay": "3", "balance": "exact", "constraint": "hard", "moments": "e,r"},
    ),
    Card(
        "Entropy sign as printed",
        "The paper's balancing loss, to the letter, makes entropy small: in the end one rating has "
        "nearly all the weight.",
        {"weights_model": "mf", "entropy_sign": "minimise", "lam": "8"},
    ),
)


def complete(card: Card) -> dict[str, Any]:
    """The raw choices of a card: all that the Lab's form starts from."""
    return {"dataset": "simulated-small", "method": "ips", "seeds": "5"} | card.choices
