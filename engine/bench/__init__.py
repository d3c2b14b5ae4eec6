"""How long training takes here: a benchmark whose rows anyone can print again.

Every case of the table is measured twice in one go: the engine, and `engine.textbook`, which
computes the same step as the released code is written (`tests/engine/test_textbook.py` holds the
two to the same numbers). Both run on one thread, the engine as its workers do (`tuned`), the
textbook as the released code is run, in a process of its own that the engine's settings do not
reach. Seconds are of processor time, not of the clock: others on the machine lengthen them less,
and ratios hardly. Compare rows of one run.

`released_seconds` were measured elsewhere, by the clock. The released loops
were also run beside the textbook on one machine, Coat-shaped data, torch 2.13, one thread: 0.11,
0.27 and 0.28 processor seconds an epoch for IPS, DR and AutoDebias, the textbook 0.12, 0.37 (DR's
hypergradient is of its whole loss) and 0.32.

Floors and targets are of `ratio`. In rows that say "at most", `target` is a bound from above.
"""

from engine.bench.cases import Row, rows
from engine.bench.scaling import SIZES, Scale, draw, scaling

__all__ = ["SIZES", "Row", "Scale", "draw", "rows", "scaling"]
