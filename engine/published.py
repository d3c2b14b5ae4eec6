"""The paper's Tables 2, 3 and 4: published means, never mixed with measured ones.

Every value is a mean as the paper prints it (WWW 2023, Tables 2 to 4), without spread or number of
seeds, which it does not give. Its relative improvements are over the base method of the row, but
for Bal-MF, where they are over MF (combine): 0.739 / 0.730 gives the 1.23 % printed.
"""

from __future__ import annotations

Means = tuple[float, float, float]

# Metrics the paper does not report (squared error, log loss) are absent.
_NAMES = ("auc", "ndcg5", "ndcg10")
# (dataset, method, balanced) -> AUC, NDCG@5, NDCG@10.
_TABLE2: dict[tuple[str, str, bool], Means] = {
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
# (dataset, method it starts from, balanced method; "" is the start itself).
_TABLE3: dict[tuple[str, str, str], Means] = {
    ("music", "ips", ""): (0.723, 0.549, 0.656),
    ("music", "ips", "ips"): (0.726, 0.561, 0.666),
    ("music", "ips", "dr"): (0.725, 0.556, 0.665),
    ("music", "ips", "autodebias"): (0.739, 0.584, 0.683),
    ("music", "dr", ""): (0.724, 0.550, 0.656),
    ("music", "dr", "ips"): (0.726, 0.562, 0.666),
    ("music", "dr", "dr"): (0.726, 0.559, 0.667),
    ("music", "dr", "autodebias"): (0.740, 0.586, 0.684),
    ("music", "autodebias", ""): (0.741, 0.645, 0.725),
    ("music", "autodebias", "ips"): (0.747, 0.656, 0.733),
    ("music", "autodebias", "dr"): (0.748, 0.658, 0.734),
    ("music", "autodebias", "autodebias"): (0.749, 0.670, 0.744),
    ("coat", "ips", ""): (0.760, 0.509, 0.613),
    ("coat", "ips", "ips"): (0.771, 0.521, 0.628),
    ("coat", "ips", "dr"): (0.770, 0.523, 0.628),
    ("coat", "ips", "autodebias"): (0.771, 0.531, 0.632),
    ("coat", "dr", ""): (0.765, 0.521, 0.620),
    ("coat", "dr", "ips"): (0.770, 0.523, 0.627),
    ("coat", "dr", "dr"): (0.771, 0.522, 0.629),
    ("coat", "dr", "autodebias"): (0.772, 0.539, 0.637),
    ("coat", "autodebias", ""): (0.766, 0.522, 0.621),
    ("coat", "autodebias", "ips"): (0.770, 0.523, 0.629),
    ("coat", "autodebias", "dr"): (0.770, 0.523, 0.629),
    ("coat", "autodebias", "autodebias"): (0.772, 0.544, 0.640),
}
# (dataset, model of w1, model of w2).
_TABLE4: dict[tuple[str, str, str], Means] = {
    ("music", "mf", "mf"): (0.749, 0.670, 0.744),
    ("music", "mf", "ncf"): (0.745, 0.667, 0.742),
    ("music", "ncf", "mf"): (0.762, 0.675, 0.748),
    ("music", "ncf", "ncf"): (0.749, 0.671, 0.745),
    ("coat", "mf", "mf"): (0.772, 0.544, 0.640),
    ("coat", "mf", "ncf"): (0.769, 0.539, 0.635),
    ("coat", "ncf", "mf"): (0.774, 0.548, 0.646),
    ("coat", "ncf", "ncf"): (0.771, 0.545, 0.639),
}


def published(dataset: str, method: str, balanced: bool, metric: str) -> float | None:
    """The published mean of Table 2, or None where the paper has none."""
    return _value(_TABLE2.get((dataset, method, balanced)), metric)


def published_start(dataset: str, start: str, method: str, metric: str) -> float | None:
    """Table 3: balanced `method` from a finished run of `start`; "" for that run itself."""
    return _value(_TABLE3.get((dataset, start, method)), metric)


def published_models(dataset: str, w1: str, w2: str, metric: str) -> float | None:
    """Table 4: Bal-AutoDebias with those balancing models of w1 and of w2, "mf" or "ncf"."""
    return _value(_TABLE4.get((dataset, w1, w2)), metric)


def _value(means: Means | None, metric: str) -> float | None:
    return dict(zip(_NAMES, means, strict=True)).get(metric) if means else None
