"""The churn benchmark reads each known file alike, and judges every model on the same customers."""

import csv
from datetime import datetime, timedelta

import numpy as np
import pytest
from churn_shop import CONFIG, shop

from benchmarks.churn.__main__ import as_of_dates, measure
from benchmarks.churn.orders import read_orders
from models.churn.config import ChurnConfig
from shopsight.errors import ShopsightError

START = datetime(2010, 1, 1)


def write(path, header, rows):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return str(path)


def test_both_editions_of_online_retail_give_the_orders_that_plain_columns_give(tmp_path) -> None:
    lines = [("a", "1", 0, 2, 5.0), ("a", "1", 0, 1, 2.5), ("b", "2", 3, 1, 4.0), ("a", "3", 9.5, 1, 1.0)]
    number = {"a": 17, "b": 18}
    moments = [START + timedelta(days=day) for _, _, day, _, _ in lines]
    second = [
        (order, quantity, f"{moment:%Y-%m-%d %H:%M:%S}", price, float(number[who]))
        for (who, order, _, quantity, price), moment in zip(lines, moments, strict=True)
    ]
    refund_and_guest = [("C4", -1, "2010-01-20 00:00:00", 1.0, 17.0), ("5", 1, "2010-01-20 00:00:00", 1.0, None)]
    first = [(o, q, f"{m:%m/%d/%Y %H:%M}", p, int(c)) for (o, q, _, p, c), m in zip(second, moments, strict=True)]
    plain = [("a", 1, START, 12.5), ("b", 2, moments[2], 4.0), ("a", 3, moments[3], 1.0)]
    files = [
        write(
            tmp_path / "2.csv",
            ["Invoice", "Quantity", "InvoiceDate", "Price", "Customer ID"],
            second + refund_and_guest,
        ),
        write(tmp_path / "1.csv", ["InvoiceNo", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID"], first),
        write(tmp_path / "0.csv", ["user_id", "order_id", "ordered_at", "value"], plain),
    ]
    for path in files:
        book = read_orders(path)
        np.testing.assert_array_equal(book.customers, [0, 0, 1])
        np.testing.assert_allclose(book.days - book.days[0], [0, 9.5, 3])
        np.testing.assert_allclose(book.values, [12.5, 1, 4])


def test_a_file_of_something_else_is_refused(tmp_path) -> None:
    path = write(tmp_path / "other.csv", ["a", "b"], [(1, 2)])
    with pytest.raises(ShopsightError, match="no known file"):
        read_orders(path)


def test_every_horizon_is_covered_by_the_file_and_every_training_date_lies_before_it() -> None:
    book = shop(3)
    dates, test = as_of_dates(book, CONFIG, origins=2)
    assert test[-1] + CONFIG.horizon_days <= book.days.max()
    assert set(test) <= set(dates)
    with pytest.raises(ShopsightError, match="too short"):
        as_of_dates(book, ChurnConfig(horizon_days=84), origins=2)


def test_all_models_are_judged_and_the_gains_are_their_differences() -> None:
    report = measure(shop(3), CONFIG, origins=1, seed=1)
    assert report["rows"] == report["customers"] > 300
    for name, figures in report["baselines"].items():
        assert report["gains"][name]["roc_auc"] == pytest.approx(report["roc_auc"] - figures["roc_auc"], abs=2e-4)
        low, high = figures["intervals"]["roc_auc"]
        assert low < figures["roc_auc"] < high
    assert report["gains"]["recency"]["intervals"]["roc_auc"][0] > 0
    assert report["clv"]["gain over nothing"]["mae"] > 0
    assert report["ece_at_true_rates"] < report["ece"] + 0.02
