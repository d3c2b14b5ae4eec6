"""Debiased recommendation with a few unbiased ratings: the engine behind the Counterweight lab."""

__version__ = "0.1.0"
