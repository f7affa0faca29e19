"""Whether planted effects of place and of frequency are recovered from logs of impressions.

    python -m benchmarks.placements --json -

Shoppers differ in how often they come, and want each thing more or less; what is wanted more is shown more often and
further up. A click has the chance interest x place x number. The estimate that the asset `placement_response` makes is
compared with what was planted, beside the plain click rates of each number. In further worlds a click ends the
impressions of its thing, always or in some cases, which the estimate has to notice.
"""

import argparse
from typing import Any, Final

import numpy as np

from benchmarks.output import add_json_option, write_figures
from models.evaluation.exposure_response import Continuation, ExposureResponse, estimate_exposure_response, proposed_cap

POSITION: Final = np.array([1.0, 0.6, 0.45, 0.3, 0.25])
NUMBER: Final = np.array([1.0, 0.85, 0.7, 0.45, 0.35, 0.28, 0.22, 0.18])
TRUE_CAP: Final = 3
"""The last number whose response is half of the first one's or more."""


def simulate(seed: int, *, ends: float, shoppers: int = 3_000, things: int = 40) -> dict[str, Any]:
    """Return a log by pair, place and number, and whether impressions go on after a click.

    Args:
        seed: of the draws.
        ends: chance that a click ends the impressions of its thing.
        shoppers: how many.
        things: how many there are to show.
    """
    rng = np.random.default_rng(seed)
    activity = rng.gamma(1.5, 1 / 1.5, shoppers)
    interest = rng.gamma(1.0, 1.0, (shoppers, things))
    impressions = rng.poisson(0.6 * activity[:, None] * interest)
    pair, count = np.flatnonzero(impressions), impressions[impressions > 0]
    begin = np.repeat(np.cumsum(count) - count, count)
    pair_I = np.repeat(pair, count)
    number_I = np.arange(len(pair_I)) - begin
    want_I = interest.ravel()[pair_I]
    # What is wanted more stands further up, but not always.
    place_I = np.clip(np.floor(len(POSITION) * rng.beta(1.0, 0.6 + want_I)), 0, len(POSITION) - 1).astype(np.int64)
    chance_I = 0.12 * np.minimum(want_I, 4) * POSITION[place_I] * NUMBER[np.minimum(number_I, len(NUMBER) - 1)]
    clicked_I = rng.random(len(pair_I)) < np.minimum(chance_I, 1)
    stops_I = clicked_I & (rng.random(len(pair_I)) < ends)
    before = np.cumsum(stops_I) - stops_I
    there = before == before[begin]
    pair_I, number_I, place_I, clicked_I = (a[there] for a in (pair_I, number_I, place_I, clicked_I))
    followed_I = np.append(pair_I[1:] == pair_I[:-1], False)
    number_I = np.minimum(number_I, len(NUMBER) - 1)
    others = [followed_I[(number_I == number) & ~clicked_I].mean() for number in range(len(NUMBER))]
    return {
        "pair": pair_I,
        "position": place_I + 1,
        "number": number_I + 1,
        "clicked": clicked_I.astype(np.int64),
        "continuation": Continuation(
            followed=int(followed_I[clicked_I].sum()),
            clicked=int(clicked_I.sum()),
            expected=float(np.array(others)[number_I[clicked_I]].mean()),
        ),
    }


def estimate(log: dict[str, Any]) -> ExposureResponse:
    """Return the effects of a simulated log."""
    ones = np.ones(len(log["pair"]), np.int64)
    return estimate_exposure_response(
        log["pair"], log["position"], log["number"], ones, log["clicked"], continuation=log["continuation"]
    )


def measure(seeds: int, *, ends: float) -> dict[str, Any]:
    """Return how far estimates of some logs lie from what was planted."""
    errors, plain_errors, inside, caps, silent = list[float](), list[float](), list[bool](), list[int | None](), 0
    position_errors = list[float]()
    for seed in range(seeds):
        log = simulate(seed, ends=ends)
        made = estimate(log)
        rates = np.array([log["clicked"][log["number"] == n].mean() for n in range(1, len(NUMBER) + 1)])
        plain_errors += (np.abs(np.log(rates / rates[0] / NUMBER)))[1:].tolist()
        caps.append(proposed_cap(made, worth=0.5)[0])
        if made.not_evaluable:
            silent += 1
            continue
        for number, one in made.frequency.items():
            if number > 1:
                errors.append(abs(float(np.log(one.value / NUMBER[number - 1]))))
                inside.append(one.low <= NUMBER[number - 1] <= one.high)
        position_errors += [
            abs(float(np.log(one.value / POSITION[place - 1]))) for place, one in made.position.items() if place > 1
        ]
        inside += [one.low <= POSITION[place - 1] <= one.high for place, one in made.position.items() if place > 1]
    return {
        "logs": seeds,
        "said_nothing": silent,
        "frequency_log_error": round(float(np.mean(errors)), 4) if errors else None,
        "frequency_log_error_of_plain_rates": round(float(np.mean(plain_errors)), 4),
        "position_log_error": round(float(np.mean(position_errors)), 4) if position_errors else None,
        "share_of_intervals_with_the_truth": round(float(np.mean(inside)), 4) if inside else None,
        "intervals_judged": len(inside),
        "caps": {str(cap): caps.count(cap) for cap in sorted(set(caps), key=str)},
        "true_cap": TRUE_CAP,
    }


def main() -> None:
    """Print every figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    add_json_option(parser)
    arguments = parser.parse_args()
    worlds = {"impressions_go_on": 0.0, "a_click_ends_them": 1.0, "three_clicks_of_ten_do": 0.3, "one_of_ten_does": 0.1}
    write_figures({name: measure(arguments.seeds, ends=ends) for name, ends in worlds.items()}, arguments.json)


if __name__ == "__main__":
    main()
