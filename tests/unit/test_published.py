"""The published numbers as the paper prints them."""

import pytest

from engine.published import published


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
    ("dataset", "method", "metric"),
    [("coat", "ips", "mse"), ("simulated-coat", "ips", "auc"), ("coat", "nobody", "auc")],
)
def test_what_the_paper_does_not_report_is_none(dataset, method, metric):
    assert published(dataset, method, True, metric) is None
