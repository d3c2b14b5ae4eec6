"""Balancing weights looked at from all sides: pure functions on arrays and frames (no torch).

numbers.py    what experts of weighting ask of one weight vector
weights.py    `Weights`: one run's weights, pair by pair, with exact and oracle weights beside them
looking.py    from what a run keeps to `Weights`
models.py     scores of the models a run keeps
everywhere.py the weights w1 on D, made again from these
rows.py       one row a pair, of B and of D
references.py the exact weights of what a run keeps
balance.py    the love plot's table: is the weighted sample like the one it stands for?
pair_map.py   pairs as a map, users by activity x items by popularity
covariates.py what that table is made of
views.py      aggregates and samples for charts
verdicts.py   the one-line reading
own.py        the same numbers of weights somebody brings as a CSV
"""

from engine.inspection.looking import Look
from engine.inspection.own import OwnWeights, diagnose, read_weights
from engine.inspection.pair_map import PairMap
from engine.inspection.views import binned
from engine.inspection.weights import Block, Weights

__all__ = [
    "Block",
    "Look",
    "OwnWeights",
    "PairMap",
    "Weights",
    "binned",
    "diagnose",
    "read_weights",
]
