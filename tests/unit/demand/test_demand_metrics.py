import numpy as np
import pytest

from models.demand.metrics import first_sales, mase, naive_scales, rmsse, weighted_mean


def test_scales_count_differences_since_the_first_sale_alone():
    units = np.array([[0.0, 0, 2, 5, 4], [1, 1, 1, 1, 1]])
    begins = first_sales(units)
    assert begins.tolist() == [2, 0]
    squared = naive_scales(units, begins, lag=1, power=2)
    assert squared[0] == pytest.approx((9 + 1) / 2)
    assert np.isnan(squared[1])


def test_errors_are_beside_the_scale():
    actual, forecast = np.array([[1.0, 3.0]]), np.array([[2.0, 1.0]])
    assert rmsse(actual, forecast, np.array([2.0]))[0] == pytest.approx(np.sqrt(2.5 / 2.0))
    assert mase(actual, forecast, np.array([3.0]))[0] == pytest.approx(0.5)


def test_what_has_no_scale_or_no_weight_is_not_counted():
    errors, weights = np.array([1.0, np.nan, 9.0]), np.array([2.0, 5.0, 0.0])
    assert weighted_mean(errors, weights) == 1.0
    assert np.isnan(weighted_mean(errors[1:2], weights[1:2]))
