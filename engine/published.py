"""The paper's Table 2: published means, shown as published and never mixed with measured ones."""

from __future__ import annotations

# (dataset, method, balanced) -> AUC, NDCG@5, NDCG@10; metrics the paper does not report are absent.
_NAMES = ("auc", "ndcg5", "ndcg10")
_ROWS: dict[tuple[str, str, bool], tuple[float, float, float]] = {
    ("music", "cause", False): (0.731, 0.551, 0.656),
    ("music", "kd-label", False): (0.740, 0.580, 0.680),
    ("music", "mf", False): (0.727, 0.550, 0.655),
    ("music", "mf-uniform", False): (0.573, 0.449, 0.591),
    ("music", "mf-combine", False): (0.730, 0.554, 0.659),
    ("music", "mf", True): (0.739, 0.579, 0.679),
    ("music", "ips", False): (0.723, 0.549, 0.656),
    ("music", "ips", True): (0.727, 0.564, 0.668),
    ("music", "dr", False): (0.724, 0.550, 0.656),
    ("music", "dr", True): (0.731, 0.569, 0.669),
    ("music", "autodebias", False): (0.741, 0.645, 0.725),
    ("music", "autodebias", True): (0.749, 0.670, 0.744),
    ("coat", "cause", False): (0.761, 0.500, 0.605),
    ("coat", "kd-label", False): (0.750, 0.504, 0.610),
    ("coat", "mf", False): (0.747, 0.500, 0.606),
    ("coat", "mf-uniform", False): (0.579, 0.358, 0.482),
    ("coat", "mf-combine", False): (0.750, 0.503, 0.611),
    ("coat", "mf", True): (0.761, 0.511, 0.620),
    ("coat", "ips", False): (0.760, 0.509, 0.613),
    ("coat", "ips", True): (0.771, 0.521, 0.628),
    ("coat", "dr", False): (0.765, 0.521, 0.620),
    ("coat", "dr", True): (0.770, 0.523, 0.628),
    ("coat", "autodebias", False): (0.766, 0.522, 0.621),
    ("coat", "autodebias", True): (0.772, 0.544, 0.640),
}


def published(dataset: str, method: str, balanced: bool, metric: str) -> float | None:
    """The published mean, or None where the paper has none."""
    row = _ROWS.get((dataset, method, balanced))
    return dict(zip(_NAMES, row, strict=True)).get(metric) if row else None
