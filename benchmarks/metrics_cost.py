"""What metrics, and spans that nobody asked for, cost a request.

    python -m benchmarks.metrics_cost --json -

All that a request for recommendations does for them, in the service's own code: the name of its route, the span that is
not made, the count and the time of the request, those of a read of features, and the row's counts. In microseconds of
CPU, with values kept in a file, as BentoML's workers and `make up` keep them. Each figure is the median of eleven
rounds; one is of an address with an id in it, whose route is found by its pattern.
"""

import argparse
import os
import statistics
import tempfile
import time
from typing import Any, Final

from starlette.applications import Starlette
from starlette.routing import Mount, Route

from benchmarks.output import add_json_option, write_figures
from serving.http.route_names import RouteNames
from serving.http.traffic import Traffic
from serving.metrics import fallbacks_of, family_metrics, feature_metrics
from serving.tracing import note_fallbacks, request_span, span

ROUNDS: Final = 11
ADDRESSES: Final = {"plain": "/v1/recommendations", "with an id": "/v1/users/maya/recommendations"}


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=20_000, help="timed requests a round")
    add_json_option(parser)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        figures = {name: round(measure(path, requests=arguments.requests), 2) for name, path in ADDRESSES.items()}
    write_figures({"benchmark": "metrics_cost", "requests": arguments.requests, "cpu_us": figures}, arguments.json)


def measure(path: str, *, requests: int) -> float:
    """Return the microseconds of CPU that one request takes."""
    routes: Any = ["/recommendations", "/recommendations/batch", "/rankings", "/models"]
    routes += ["/users/{user_id:path}/recommendations", "/items/{item_id:path}/similar"]
    mounted = Mount("/v1", routes=[Route(one, _nothing) for one in routes])
    app = Starlette(
        routes=[Route(one, _nothing) for one in ("/livez", "/readyz", "/metrics", "/recommend")] + [mounted]
    )
    names, traffic, family, features = RouteNames(), Traffic(), family_metrics(), feature_metrics()
    scope, row = {"app": app, "path": path}, {"fallback": None}
    answer = _Answer()
    rounds = []
    for _ in range(ROUNDS):
        start = time.process_time()
        for _ in range(requests):
            began = time.perf_counter()
            route = names.name_of(scope)
            with request_span("POST", route, {}, answer), span("read features"), span("call the model"):
                pass
            features.seconds.observe(0.001)
            family.count_row("recommender", row, written=True)
            note_fallbacks(fallbacks_of(row))
            traffic.answered(route, 200, time.perf_counter() - began)
        rounds.append((time.process_time() - start) / requests)
    return statistics.median(rounds) * 1e6


class _Answer:
    status = 200


async def _nothing(_: Any) -> None:
    """Stand where a handler would: it is not asked."""


if __name__ == "__main__":
    main()
