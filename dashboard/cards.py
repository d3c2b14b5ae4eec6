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


# Less weight decay than the preset's 10 lets the predictor overfit: its errors on the ratings that
# it has seen tell little of the confounder then.
CARDS: tuple[Card, ...] = (
    Card(
        "No confounder",
        "Propensities explain who rates what: IPS meets the target within its noise, and there is "
        "nothing to balance.",
        {"confounding": "none"},
    ),
    Card(
        "Strong confounder",
        "Something unseen drives both who rates and how: IPS is off by several times the target's "
        "noise, until weights balance the error.",
        {"confounding": "strong"},
    ),
    Card(
        "Too few uniform ratings",
        "With 20 of them the target's noise is as large as the violation: each seed corrects "
        "something else, and the predictor gets better in some and worse in others.",
        {"uniform_fraction": "0.005"},
    ),
    Card(
        "λ too large: weights collapse onto few ratings",
        "A predictor that overfits has few errors on its ratings; to meet the target all the same, "
        "some hundred of 4,000 ratings carry the estimate, and the true loss rises.",
        {"weight_decay": "0.3", "balance": "exact", "lam": "65536", "best_after": "40"},
    ),
    Card(
        "Constraint met, weights still wrong",
        "Exact weights meet the constraint to the last digit. They are nothing like the oracle's, "
        "and the predictor is no better for them.",
        {"weight_decay": "3", "balance": "exact", "constraint": "hard"},
    ),
    Card(
        "Balance the label too",
        "The same with a second condition, on the mean label: now the weights lean towards the "
        "oracle's, and the true loss falls in every seed.",
        {"weight_decay": "3", "balance": "exact", "constraint": "hard", "moments": "e,r"},
    ),
    Card(
        "Entropy sign as printed",
        "The paper's balancing loss, to the letter, makes entropy small: in the end a single "
        "rating has nearly all the weight.",
        {"weights_model": "mf", "entropy_sign": "minimise", "lam": "8", "best_after": "40"},
    ),
)


def complete(card: Card) -> dict[str, Any]:
    """The raw choices of a card: all that the Lab's form starts from."""
    return {"dataset": "simulated-small", "method": "ips", "seeds": "5"} | card.choices
