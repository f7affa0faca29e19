"""The baselines by value: a model that is asked to beat them must not be helped by a wrong one."""

from collections.abc import Sequence

import numpy as np
import pytest

from models.purchase_intent.baselines import base_rate, cart_seen
from models.purchase_intent.dataset import SessionRows


def sessions(carts: Sequence[float], *, purchased: Sequence[bool]) -> SessionRows:
    """Return one row for each of as many sessions as there are carts."""
    numbers = np.arange(len(carts))
    times = np.datetime64("2026-01-05T10:00", "us") + numbers.astype("timedelta64[h]")
    return SessionRows(
        columns={"carts_so_far": np.array(carts, dtype=np.float64)},
        purchased=np.array(purchased),
        sessions=numbers,
        users=numbers,
        positions=np.ones(len(carts), dtype=np.int64),
        times=times,
        started_at=times,
    )


SIX = sessions([1, 2, 3, 0, 0, 0], purchased=[True, True, False, False, False, False])
ASKED = sessions([0, 1, np.nan], purchased=[False, False, False])


def test_the_base_rate_is_two_sessions_of_six_for_every_row() -> None:
    assert base_rate(SIX, ASKED).tolist() == pytest.approx([1 / 3] * 3)


def test_a_cart_seen_is_worth_two_of_three_and_none_seen_none_of_three_each_with_one_prior_case() -> None:
    # (2 + 1/3) / (3 + 1) with a cart; (0 + 1/3) / (3 + 1) without one, or where nothing is known of it.
    assert cart_seen(SIX, ASKED).tolist() == pytest.approx([1 / 12, 7 / 12, 1 / 12])
