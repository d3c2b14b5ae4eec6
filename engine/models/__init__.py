"""Models of a user-item pair, every parameter with a leading run axis: MF, NCF, linear, table."""

from engine.models.factorisation import MatrixFactorization
from engine.models.grouped import Grouped
from engine.models.linear import LevelTable, LinearModel, by_level
from engine.models.neural import NeuralCollaborativeFiltering
from engine.models.ordered import Ordered
from engine.models.rows import Direction
from engine.models.rowwise import RowwiseFactorization, RowwiseLinear
from engine.models.stacked import NEVER_DECAYED, PairModel, Stacked, grad_of

__all__ = [
    "NEVER_DECAYED",
    "Direction",
    "Grouped",
    "LevelTable",
    "LinearModel",
    "MatrixFactorization",
    "NeuralCollaborativeFiltering",
    "Ordered",
    "PairModel",
    "RowwiseFactorization",
    "RowwiseLinear",
    "Stacked",
    "by_level",
    "grad_of",
]
