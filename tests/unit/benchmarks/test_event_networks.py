from collections.abc import Iterator

import numpy as np
import pytest
import torch

from benchmarks.purchase_intent.sequence import EventRows, SequenceConfig, SignalScale, fit_sequence


def sessions(seed: int, *, count: int) -> EventRows:
    """A purchase follows where the first event was of type 1: order tells, counts hardly."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(4, 9, count)
    types = rng.integers(0, 2, lengths.sum())
    numbers = np.repeat(np.arange(count), lengths)
    outcomes = (types[np.cumsum(lengths) - lengths] == 1)[numbers]
    signals = rng.normal(size=(len(types), 3))
    signals[::5, 1] = np.nan
    return EventRows(
        types=types, gaps=rng.exponential(30, len(types)), signals_RF=signals, sessions=numbers, outcomes=outcomes
    )


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(params=["gru", "transformer"])
def config(request: pytest.FixtureRequest) -> SequenceConfig:
    return SequenceConfig(kind=request.param, width=16, epochs=6, batch=32, dropout=0.0, learning_rate=5e-3)


def test_order_is_learnt_where_counts_say_nothing(config: SequenceConfig) -> None:
    held_out = sessions(2, count=300)
    model = fit_sequence(sessions(1, count=800), sessions(3, count=200), config=config, types=2, seed=1)
    last = np.append(np.diff(held_out.sessions) != 0, True)
    right = (model.log_odds(held_out) > 0) == held_out.outcomes
    assert right[last].mean() > 0.9


def test_an_event_is_judged_by_nothing_that_comes_after_it(config: SequenceConfig) -> None:
    rows = sessions(4, count=50)
    model = fit_sequence(rows, None, config=config.for_epochs(1), types=2, seed=1)
    first = np.append(True, np.diff(rows.sessions) != 0) | (np.arange(len(rows.types)) % 3 > 0)
    begun = np.ones(len(rows.types), dtype=bool)
    for places in rows.places():
        begun[places[np.flatnonzero(~first[places])[:1].min(initial=len(places)) :]] = False
    np.testing.assert_allclose(model.log_odds(rows.take(begun)), model.log_odds(rows)[begun], atol=1e-5)


def test_one_seed_gives_one_network(config: SequenceConfig) -> None:
    rows = sessions(5, count=60)
    one, other = (fit_sequence(rows, None, config=config.for_epochs(1), types=2, seed=3) for _ in range(2))
    np.testing.assert_array_equal(one.log_odds(rows), other.log_odds(rows))


def test_a_missing_signal_is_flagged_and_not_taken_for_the_mean() -> None:
    values = np.array([[1.0, 5.0], [2.0, np.nan], [3.0, 5.0]])
    scaled = SignalScale.fit(values)(values)
    assert scaled.shape == (3, 3)
    assert scaled[:, 2].tolist() == [0.0, 1.0, 0.0]
    assert np.isfinite(scaled).all()


def test_signals_have_mean_0_and_spread_1_where_they_are_there() -> None:
    values = np.array([[1.0, 4.0], [np.nan, 90.0], [3.0, -7.0], [60.0, 2.0]])
    scaled = SignalScale.fit(values)(values)
    there = np.array([True, False, True, True])
    for column in (scaled[there, 0], scaled[:, 1]):
        assert (column.mean(), column.std()) == (pytest.approx(0, abs=1e-6), pytest.approx(1, abs=1e-6))
    assert scaled[1, 0] == 0


@pytest.mark.parametrize(
    ("wrong", "why"), [({"width": 10}, "multiple of heads"), ({"dropout": 1.0}, "dropout"), ({"epochs": 0}, "epochs")]
)
def test_settings_that_no_run_can_have_are_refused(wrong: dict[str, float], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        SequenceConfig(**wrong)  # type: ignore[arg-type]
