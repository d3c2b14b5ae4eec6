"""Balancing weights looked at from all sides: pure functions on arrays and frames (no torch).

numbers.py    what experts of weighting ask of one weight vector
weights.py    `Weights`: one run's weights, pair by pair, with exact and oracle weights beside them
looking.py    from what a run keeps to `Weights`
references.py the exact weights of what a run keeps
balance.py    the love plot's table: is the weighted sample like the one it stands for?
pair_map.py   pairs as a map, users by activity x items by popularity
views.py      aggregates and samples for charts
verdicts.py   the one-line reading
own.py        the same numbers of weights somebody brings as a CSV
"""

from engine.inspection.looking import inspect
from engine.inspection.own import OwnWeights, diagnose, read_weights
from engine.inspection.pair_map import PairMap
from engine.inspection.views import binned
from engine.inspection.weights import Weights

__all__ = ["OwnWeights", "PairMap", "Weights", "binned", "diagnose", "inspect", "read_weights"]
