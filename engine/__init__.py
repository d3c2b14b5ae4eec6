"""Debiased recommendation with a few unbiased ratings: the engine behind the Counterweight lab."""
