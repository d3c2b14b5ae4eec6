"""The textbook implementation: one run at a time, written as the released code works.

Pairs are gathered one by one, a block's ratings are found by a membership test over all ratings,
all pairs of a block are enumerated, models stand under autograd, and the bi-level step builds a
fresh one-step model and differentiates through it. It is what `engine.bench` measures the engine
against, and an oracle: the same numbers by another way, for any config that `Textbook` takes.
"""

from engine.textbook.step import Textbook

__all__ = ["Textbook"]
