"""The paper's Table 2: published means, shown as published and never mixed with measured ones."""

from __future__ import annotations

# (dataset, method, balanced) -> metric -> value; metrics the paper does not report are absent.
_NAMES = ("auc", "ndcg5", "ndcg10")
_ROWS: dict[tuple[str, str, bool], tuple[float, float, float]] = {
    ("music", "mf", False): (0.727, 0.550, 0.655),
    ("music", "mf", True): (0.739, 0.579, 0.679),
    ("music", "ips", False): (0.723, 0.549, 0.656),
    ("music", "ips", True): (0.727, 0.564, 0.668),
    ("coat", "mf", False): (0.747, 0.500, 0.606),
    ("coat", "mf", True): (0.761, 0.511, 0.620),
    ("coat", "ips", False): (0.760, 0.509, 0.613),
    ("coat", "ips", True): (0.771, 0.521, 0.628),
}


def published(dataset: str, method: str, balanced: bool, metric: str) -> float | None:
    """The published mean, or None where the paper has none."""
    row = _ROWS.get((dataset, method, balanced))
    return dict(zip(_NAMES, row, strict=True)).get(metric) if row else None
