"""Processes that train: the driver of a trainer, the worker, and training in one's own process."""
