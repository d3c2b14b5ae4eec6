"""Models of a user-item pair, every parameter with a leading run axis: MF, NCF, linear, table."""

from engine.models.factorisation import MatrixFactorization
from engine.models.grouped import Grouped
from engine.models.linear import LevelTable, LinearModel, by_level
from engine.models.neural import NeuralCollaborativeFiltering
from engine.models.pairs import add_gradients, compiled, prepare, products, square_gradient
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
    "PairModel",
    "RowwiseFactorization",
    "RowwiseLinear",
    "Stacked",
    "add_gradients",
    "by_level",
    "compiled",
    "grad_of",
    "prepare",
    "products",
    "square_gradient",
]
