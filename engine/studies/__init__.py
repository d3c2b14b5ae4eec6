"""Studies: named grids of runs with what to plot, stored, resumed, never computed twice."""

from engine.studies.named import KINDS, STUDIES, VALUES, make_plan
from engine.studies.plan import Cell, Plan, Series

__all__ = ["KINDS", "STUDIES", "VALUES", "Cell", "Plan", "Series", "make_plan"]
