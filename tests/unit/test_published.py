"""The published numbers as the paper prints them."""

import pytest

from engine.published import published, published_models, published_start

METRICS = ("auc", "ndcg5", "ndcg10")
METHODS = ("cause", "kd-label", "mf", "mf-uniform", "mf-combine", "ips", "dr", "autodebias")
BALANCED = ("mf", "ips", "dr", "autodebias")
STARTS = ("ips", "dr", "autodebias")


def sums(look, rows):
    """Column sums of one table on one data set: one mistyped figure changes one."""
    return [round(sum(look(*row, metric) for row in rows), 3) for metric in METRICS]


@pytest.mark.parametrize(
    ("dataset", "method", "balanced", "metric", "value"),
    [
        ("coat", "ips", True, "ndcg5", 0.521),
        ("coat", "mf", False, "auc", 0.747),
        ("music", "mf", True, "ndcg10", 0.679),
    ],
)
def test_table_2(dataset, method, balanced, metric, value):
    assert published(dataset, method, balanced, metric) == value


@pytest.mark.parametrize(
    ("start", "method", "metric", "value"),
    [
        ("ips", "", "auc", 0.760),
        ("ips", "dr", "ndcg5", 0.523),
        ("dr", "autodebias", "ndcg10", 0.637),
        ("autodebias", "ips", "auc", 0.770),
    ],
)
def test_table_3(start, method, metric, value):
    assert published_start("coat", start, method, metric) == value


@pytest.mark.parametrize(
    ("w1", "w2", "metric", "value"), [("ncf", "mf", "auc", 0.762), ("mf", "ncf", "ndcg5", 0.667)]
)
def test_table_4(w1, w2, metric, value):
    assert published_models("music", w1, w2, metric) == value


@pytest.mark.parametrize(
    ("dataset", "two", "three", "four"),
    [
        ("music", [8.635, 6.810, 8.038], [8.814, 7.136, 8.279], [3.005, 2.683, 2.979]),
        ("coat", [8.952, 6.016, 7.284], [9.228, 6.301, 7.533], [3.086, 2.176, 2.560]),
    ],
)
def test_the_columns_add_up_as_in_the_paper(dataset, two, three, four):
    rows = [(dataset, m, False) for m in METHODS] + [(dataset, m, True) for m in BALANCED]
    assert sums(published, rows) == two
    rows = [(dataset, start, method) for start in STARTS for method in ("", *STARTS)]
    assert sums(published_start, rows) == three
    models = ("mf", "ncf")
    assert sums(published_models, [(dataset, a, b) for a in models for b in models]) == four


@pytest.mark.parametrize(
    ("dataset", "over", "method", "metric", "printed"),
    [
        ("coat", "ips", "ips", "auc", 1.45),
        ("music", "autodebias", "autodebias", "ndcg5", 3.88),
        ("coat", "dr", "dr", "ndcg10", 1.29),
        ("music", "mf-combine", "mf", "auc", 1.23),  # the paper's RI of Bal-MF
        ("coat", "mf-combine", "mf", "ndcg5", 1.59),
    ],
)
def test_the_relative_improvements_the_paper_prints_follow(dataset, over, method, metric, printed):
    base = published(dataset, over, False, metric)
    assert round(100 * (published(dataset, method, True, metric) / base - 1), 2) == printed


@pytest.mark.parametrize(
    ("dataset", "method", "metric"),
    [("coat", "ips", "mse"), ("simulated-coat", "ips", "auc"), ("coat", "nobody", "auc")],
)
def test_what_the_paper_does_not_report_is_none(dataset, method, metric):
    assert published(dataset, method, True, metric) is None


def test_nor_does_it_report_starts_or_models_elsewhere():
    assert published_start("coat", "mf", "ips", "auc") is None
    assert published_start("coat", "ips", "mf", "auc") is None
    assert published_models("coat", "mf", "mf", "log_loss") is None
    assert published_models("simulated-small", "mf", "mf", "auc") is None
