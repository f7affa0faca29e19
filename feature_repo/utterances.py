"""What a shopper wrote.

The source has no time of arrival on purpose: a request brings its own text.
"""

from feast import FeatureView, Field, FileSource
from feast.types import String

from entities import EXPORTS, NEVER_EXPIRES, OWNER, utterance

utterances = FileSource(
    name="utterances",
    path=str(EXPORTS / "utterances.parquet"),
    timestamp_field="event_timestamp",
    description="A row per text that a shopper wrote.",
    owner=OWNER,
)

utterance_text_view = FeatureView(
    name="utterance_text",
    entities=[utterance],
    ttl=NEVER_EXPIRES,
    source=utterances,
    online=False,
    description="What a shopper wrote and where; offline only, since a request brings its own text.",
    tags={"mart": "utterances", "consent": "totals"},
    owner=OWNER,
    schema=[
        Field(name="utterance_id", dtype=String, description="The key."),
        Field(name="text", dtype=String, description="The text, redacted of mail addresses and phone numbers."),
        Field(name="channel", dtype=String, description="search, question, review or agent."),
    ],
)
