"""Processes that train: a trainer's driver, the worker, a Dask cluster, and one's own process."""
