"""What the updates of phi, w and theta change on a block, where a trainer takes them one by one."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Half = Literal["phi", "w", "theta"]


@dataclass(frozen=True)
class Moved:
    """A rated pair, by codes, that a half-step moved: what it had before, and has after it."""

    user: int
    item: int
    before: float
    after: float


@dataclass(frozen=True)
class Change:
    """What a half-step changed of one run on its block.

    numbers: before and after by name: entropy of the weights, loss, violation (both of the errors,
    with the present weights), and means of what was updated. quantity: what `moved` tells of the
    pairs that moved most ("weight", "prediction", "propensity", "omega", "imputation").
    """

    run: str
    numbers: dict[str, tuple[float, float]]
    quantity: str = ""
    moved: tuple[Moved, ...] = ()


@dataclass(frozen=True)
class HalfStep:
    """One update of phi, w or theta on one block is done, where the trainer goes by halves.

    changes: of a few runs of the group, balanced ones first.
    """

    what: Half
    epoch: int
    block: int
    n_blocks: int
    changes: tuple[Change, ...]

    def as_json(self) -> dict[str, Any]:
        """As the store keeps it."""
        return asdict(self)

    @staticmethod
    def of(content: dict[str, Any]) -> HalfStep:
        """The inverse of `as_json`."""
        changes = tuple(
            Change(
                run=change["run"],
                numbers={k: (v[0], v[1]) for k, v in change["numbers"].items()},
                quantity=change["quantity"],
                moved=tuple(Moved(**moved) for moved in change["moved"]),
            )
            for change in content["changes"]
        )
        return HalfStep(**{**content, "changes": changes})
