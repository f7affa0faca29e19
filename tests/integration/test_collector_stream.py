"""Several collectors publish to NATS JetStream, and one landing reads: on the server of this machine."""

import contextlib
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
from pydantic import SecretStr

from serving.triggers.following import MissedEventsError, StreamSource
from shopsight.ingestion.collecting import stream as streams
from shopsight.ingestion.collecting import stream_landing
from shopsight.ingestion.collecting.group_commit import GroupCommit, NotKeptError, Request
from shopsight.ingestion.collecting.landing import land_collected, waiting_segments
from shopsight.ingestion.collecting.opening import open_commit
from shopsight.ingestion.collecting.stream import EventStream, StreamUnavailableError
from shopsight.ingestion.log.event_log import EventLog
from shopsight.settings import Settings

URL: Final = "nats://127.0.0.1:4222"
NOON: Final = datetime(2026, 5, 1, 12, tzinfo=UTC)
LATER: Final = datetime(2026, 5, 3, 12, tzinfo=UTC)


def view(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "event_id": f"e{number}",
        "event_name": "view_item",
        "event_timestamp": "2026-05-01T11:59:00Z",
        "user_id": f"u{number % 3}",
        "item_id": "i_1",
    } | changes


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """Settings with a stream of this test's own, which is taken away at the end."""
    with contextlib.closing(socket.socket()) as probe:
        if probe.connect_ex(("127.0.0.1", 4222)):
            pytest.skip("no NATS server answers on 127.0.0.1:4222")
    name = f"shopsight_test_{tmp_path.name}_{datetime.now(UTC):%H%M%S%f}"
    monkeypatch.setattr(EventStream.__init__, "__kwdefaults__", {"name": name, "subject": name.replace("_", ".")})
    yield Settings(
        home=tmp_path / "home",
        pseudonym_key=SecretStr("a key for tests only"),
        event_stream=URL,
        segment_seconds=0.001,
    )
    with EventStream(URL) as stream:
        stream._run(stream._stream.delete_stream(name))  # noqa: SLF001 - no collector ever does


def test_events_of_several_collectors_land_once(settings: Settings) -> None:
    collectors = [open_commit(settings, now=lambda: NOON) for _ in range(2)]
    taken = [collectors[n % 2].take(Request(events=[view(n), {}])) for n in range(6)]
    taken += [collectors[1].take(Request(events=[view(0)]))]  # the first one took it
    assert [one.result(30).accepted for one in taken] == [1] * 7
    for collector in collectors:
        collector.close()
    assert len(waiting_segments(settings)) == 1
    receipts = land_collected(settings, received_at=LATER)
    assert sum(receipt.received for receipt in receipts) == 13
    totals = EventLog.open(settings).totals()
    assert (totals.accepted, totals.duplicates, totals.quarantined) == (6, 1, 6)
    assert waiting_segments(settings) == []
    assert land_collected(settings, received_at=LATER) == []


def test_a_refresh_is_asked_for_once_messages_are_old_or_many(settings: Settings) -> None:
    commit = open_commit(settings, now=lambda: NOON)
    commit.take(Request(events=[view(1)])).result(30)
    commit.close()
    assert waiting_segments(settings.model_copy(update={"segment_seconds": 60.0})) == []
    assert waiting_segments(settings.model_copy(update={"segment_seconds": 60.0, "segment_bytes": 100})) != []
    assert waiting_segments(settings) != []


def test_a_landing_that_is_killed_before_it_forgets_neither_loses_nor_repeats(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = open_commit(settings, now=lambda: NOON)
    commit.take(Request(events=[view(1), {}])).result(30)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(EventStream, "forget_until", killed)
        with pytest.raises(KeyboardInterrupt):
            land_collected(settings, received_at=LATER)
    commit.take(Request(events=[view(2)])).result(30)
    commit.close()
    (receipt,) = land_collected(settings, received_at=LATER)
    assert (receipt.received, receipt.accepted) == (1, 1)
    totals = EventLog.open(settings).totals()
    assert (totals.received, totals.accepted, totals.quarantined) == (3, 2, 1)


def test_two_landings_at_once_make_one_batch_of_a_message(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = open_commit(settings, now=lambda: NOON)
    commit.take(Request(events=[view(1)])).result(30)
    real = stream_landing._records  # noqa: SLF001 - between reading and landing

    def other_is_quicker(*arguments: Any, **options: Any) -> Any:
        records = real(*arguments, **options)
        monkeypatch.setattr(stream_landing, "_records", real)
        assert len(land_collected(settings, received_at=LATER)) == 1
        return records

    monkeypatch.setattr(stream_landing, "_records", other_is_quicker)
    land_collected(settings, received_at=LATER)
    commit.close()
    totals = EventLog.open(settings).totals()
    assert (totals.batches, totals.received, totals.accepted) == (1, 1, 1)


def test_a_group_that_is_larger_than_a_message_may_be_is_published_in_parts(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(EventStream, "max_bytes", property(lambda _: 12_000))
    commit = open_commit(settings, now=lambda: NOON)
    outcome = commit.take(Request(events=[*(view(n) for n in range(100)), *[{}] * 30])).result(30)
    assert (outcome.accepted, len(outcome.refusals)) == (100, 30)
    commit.close()
    with EventStream(URL) as stream:
        assert stream.state().messages > 2
    (receipt,) = land_collected(settings, received_at=LATER)
    assert (receipt.received, receipt.accepted, receipt.quarantined) == (130, 100, 30)


def test_events_that_the_server_does_not_acknowledge_are_not_promised(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit: GroupCommit = open_commit(settings, now=lambda: NOON)
    with monkeypatch.context() as patch:
        patch.setattr(streams, "SECONDS", 0.0)
        with pytest.raises(NotKeptError, match="did not take the events"):
            commit.take(Request(events=[view(1)])).result(30)
    assert commit.take(Request(events=[view(1)])).result(30).accepted == 1
    commit.close()
    land_collected(settings, received_at=LATER)
    assert EventLog.open(settings).totals().accepted == 1


@pytest.mark.slow
def test_a_server_that_does_not_answer_is_named_with_the_setting(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"nats://shop:hush@127.0.0.1:{taken.getsockname()[1]}"
    with pytest.raises(StreamUnavailableError, match="SHOPSIGHT_EVENT_STREAM") as refused:
        open_commit(Settings(home=tmp_path, event_stream=url), now=lambda: NOON)
    assert "hush" not in str(refused.value)


def test_triggers_follow_the_events_of_all_collectors_and_notice_what_landed_unread(settings: Settings) -> None:
    collectors = [open_commit(settings, now=lambda: NOON) for _ in range(2)]
    with contextlib.closing(StreamSource(URL)) as source:
        for n in range(4):
            collectors[n % 2].take(Request(events=[view(n)])).result(30)
        assert sorted(row["event_id"] for row in source.new_rows()) == ["e0", "e1", "e2", "e3"]
        assert list(source.new_rows()) == []
        collectors[0].take(Request(events=[view(4)])).result(30)
        for collector in collectors:
            collector.close()
        land_collected(settings, received_at=LATER)
        with pytest.raises(MissedEventsError):
            list(source.new_rows())
        assert list(source.new_rows()) == []
