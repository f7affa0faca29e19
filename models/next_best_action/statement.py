"""What the card of next best actions says of its limits and of what it refuses; translations go by the ids."""

from collections.abc import Mapping
from typing import Final

LIMITS: Final[Mapping[str, str]] = {
    "tried_alone": "It knows what actions add that a campaign tried with a hold-out, among shoppers like those on its "
    "list; of all others it says that nothing is known.",
    "parts_not_persons": "An increment is that of a part of the shoppers, of about the same expected effect; one "
    "shopper's own cannot be seen by anybody.",
    "one_at_a_time": "It knows what an action adds to nothing, not what it adds after another one.",
    "one_horizon": "Orders count within one horizon; what comes later, or is only brought forward, is not seen.",
}
REFUSES: Final[Mapping[str, str]] = {
    "no_evidence": "Where no action surely brings more than it costs, the answer is nothing, and says why.",
    "unknown_shoppers": "Of shoppers whom the online store does not know, or who refuse personal use, the answer is "
    "nothing.",
    "protected": "Age band and gender are read to report gaps and never to decide; a model whose offers of a price "
    "surely go to one group more often than the gate allows is refused.",
}
