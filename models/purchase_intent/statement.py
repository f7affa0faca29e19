"""What purchase intent's card says of its limits, and of what it refuses; each by an id that translations go by."""

from collections.abc import Mapping
from typing import Final

LIMITS: Final[Mapping[str, str]] = {
    "this_visit": "It predicts one thing: a purchase later in the same visit.",
    "no_cause": "It does not say whether reaching out to a shopper brings about a purchase; an experiment does.",
    "other_seasons": "Its probabilities are as true as today's visits are like those that it was calibrated on: a sale "
    "or a season moves them.",
}
REFUSES: Final[Mapping[str, str]] = {
    "unknown_session": "A visit whose events are not sent and whose features are not online gets an error of its own "
    "and no probability.",
    "no_session": "Events that are no visit get an error of their own and no probability.",
    "strangers": "A shopper whom the shop does not know is predicted from the visit alone, and `fallback` of the "
    "answer says so.",
    "refusing_shoppers": "The visits of shoppers who refuse personal use are neither trained on nor read.",
}
