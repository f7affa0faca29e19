"""Only who has the key writes the journal, and a fault in it costs the family whose record it hits."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from models.registry.journal import START, Journal, JournalBrokenError, JournalHead
from models.registry.journal_key import JournalKey, JournalKeyError

FAMILIES = ("intent", "churn", "recommender")


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    """Nine records of three families, in turn."""
    journal = opened(tmp_path)
    for number in range(9):
        journal.append({"action": "judge", "family": FAMILIES[number % 3], "reasons": [f"reason {number}"]})
    return journal


def opened(folder: Path, *, key: bytes | None = None) -> Journal:
    return Journal(folder / "journal.jsonl", JournalKey(file=folder / "keys" / "registry.key", given=key))


def touched(journal: Journal) -> set[str]:
    """Return the families whose records are refused."""
    refused = set()
    for family in FAMILIES:
        try:
            journal.records_of(family)
        except JournalBrokenError:
            refused.add(family)
    return refused


def unkeyed(bodies: list[dict[str, Any]]) -> bytes:
    """Return a journal as version 0.1 wrote it, whose hashes anybody can make."""
    lines, previous = [], START
    for body in bodies:
        chained = {name: value for name, value in body.items() if name not in ("hash", "mark", "number")}
        chained = {**chained, "previous": previous}
        previous = hashlib.sha256(json.dumps(chained, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
        lines.append(json.dumps({**chained, "hash": previous}, sort_keys=True, separators=(",", ":")).encode() + b"\n")
    return b"".join(lines)


def test_a_flipped_bit_costs_the_family_whose_record_it_hits_and_only_until_it_is_mended(journal: Journal) -> None:
    whole = journal.path.read_bytes()
    start = 0
    for number, line in enumerate(whole.splitlines(keepends=True)):
        owner, later = FAMILIES[number % 3], {FAMILIES[after % 3] for after in range(number + 2, 9)}
        proof = re.compile(rb'"family":"[a-z]+"|"mark":"[0-9a-f]+"|\n')
        proving = {offset for match in proof.finditer(line) for offset in range(*match.span())}
        for offset in {*range(0, len(line), 3), len(line) - 1}:
            place = start + offset
            if place == len(whole) - 1:
                continue  # without its line break the last record was never finished
            journal.path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
            hit = touched(journal)
            assert owner in hit, (number, offset)
            allowed = {owner}
            if offset in proving:  # the line may have been anybody's who has no later one
                allowed |= set(FAMILIES) - later
            if offset == len(line) - 1:  # two records are one line now
                allowed.add(FAMILIES[(number + 1) % 3])
            assert hit <= allowed, (number, offset)
        start += len(line)
    journal.path.write_bytes(whole)
    assert touched(journal) == set()


@pytest.mark.parametrize("number", range(8))
def test_a_record_taken_out_is_missed_by_the_family_that_lost_it(journal: Journal, number: int) -> None:
    lines = journal.path.read_bytes().splitlines(keepends=True)
    journal.path.write_bytes(b"".join([*lines[:number], *lines[number + 1 :]]))
    assert FAMILIES[number % 3] in touched(journal)
    with pytest.raises(JournalBrokenError):
        journal.records()


def test_a_journal_chained_anew_without_the_key_is_refused(journal: Journal) -> None:
    bodies = journal.records()
    bodies[-1]["reasons"] = ["reviewed by hand"]
    journal.path.write_bytes(unkeyed(bodies))
    assert touched(journal) == set(FAMILIES)
    with pytest.raises(JournalBrokenError, match="not written with the journal's key"):
        journal.records()


def test_records_written_with_another_key_are_refused(journal: Journal, tmp_path: Path) -> None:
    stranger = opened(tmp_path / "elsewhere", key=b"a key of somebody else")
    for record in journal.records():
        stranger.append({name: record[name] for name in ("action", "family", "reasons")})
    journal.path.write_bytes(stranger.path.read_bytes())
    assert touched(journal) == set(FAMILIES)


def test_a_tail_cut_off_is_seen_by_whoever_holds_an_earlier_head(journal: Journal) -> None:
    seen = journal.head()
    assert seen.records == 9
    lines = journal.path.read_bytes().splitlines(keepends=True)
    journal.path.write_bytes(b"".join(lines[:7]))
    assert touched(journal) == set(FAMILIES)
    (journal.path.parent / "keys" / "registry.head").unlink()
    assert len(journal.records()) == 7
    with pytest.raises(JournalBrokenError, match=r"a Bento was made when it had 9 records, and it has 7 now"):
        journal.confirm(seen, by="a Bento")
    journal.append({"action": "judge", "family": "churn", "reasons": ["another"]})
    journal.append({"action": "judge", "family": "churn", "reasons": ["history"]})
    with pytest.raises(JournalBrokenError, match="the last of them is another one now"):
        journal.confirm(seen, by="a Bento")


def test_a_journal_that_grew_confirms_every_head_that_it_had(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    heads = [journal.head()]
    for number in range(5):
        journal.append({"action": "judge", "family": "churn", "reasons": [str(number)]})
        heads.append(journal.head())
    for head in heads:
        journal.confirm(head, by="a test")
    assert heads[0] == JournalHead(0, START)


def test_the_key_is_made_with_the_first_record_and_is_for_its_owner_alone(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    key = tmp_path / "keys" / "registry.key"
    assert journal.records() == []
    assert not key.exists()
    journal.append({"action": "judge", "family": "churn"})
    assert (key.stat().st_mode & 0o777, key.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_without_its_key_a_journal_is_neither_read_nor_written(journal: Journal, tmp_path: Path) -> None:
    (tmp_path / "keys" / "registry.key").unlink()
    with pytest.raises(JournalKeyError, match=r"registry\.key"):
        journal.records()
    with pytest.raises(JournalKeyError, match="was written with it"):
        journal.append({"action": "judge", "family": "churn"})
    assert not (tmp_path / "keys" / "registry.key").exists()


def test_a_key_given_by_the_setting_lies_nowhere_in_the_home(tmp_path: Path) -> None:
    journal = opened(tmp_path, key=b"sixteen bytes or more")
    journal.append({"action": "judge", "family": "churn"})
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} == {"journal.jsonl", "registry.head"}
    with pytest.raises(JournalBrokenError):
        opened(tmp_path, key=b"another sixteen bytes").records()


def test_a_journal_of_version_0_1_is_read_and_sealed_by_its_next_record(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    old = [{"action": "judge", "family": family, "reasons": []} for family in FAMILIES]
    journal.path.write_bytes(unkeyed(old))
    assert [record["number"] for record in journal.records()] == [1, 2, 3]
    journal.append({"action": "judge", "family": "churn", "reasons": []})
    assert [record["number"] for record in journal.records_of("churn")] == [2, 4]
    lines = journal.path.read_bytes().splitlines(keepends=True)
    journal.path.write_bytes(b"".join([*lines[:1], *lines[2:]]))
    assert "churn" in touched(journal)
    journal.path.write_bytes(b"".join(lines[:3]))
    with pytest.raises(JournalBrokenError, match="key, which is there"):
        journal.records()


@pytest.mark.parametrize("line", [b"{}", b"[1]", b"[" * 100_000, b'{"family": 3, "hash": "x"}', b'{"a": NaN}', b"\xff"])
def test_a_line_of_something_else_is_a_fault_not_an_error_of_its_own(journal: Journal, line: bytes) -> None:
    with journal.path.open("ab") as file:
        file.write(line + b"\n")
    with pytest.raises(JournalBrokenError, match="Record 10"):
        journal.records()


@pytest.mark.parametrize("same", [b'"family": ', b'"f\\u0061mily":', b'"action":"judge","family":'])
def test_a_line_that_is_spelt_otherwise_was_not_written_though_it_means_the_same(journal: Journal, same: bytes) -> None:
    before = b'"action":"judge","family":' if same.startswith(b'"action"') else b'"family":'
    again = same + b'"x",' + before if same == before else same
    journal.path.write_bytes(journal.path.read_bytes().replace(before, again, 1))
    with pytest.raises(JournalBrokenError, match="Record 1 "):
        journal.records()


def test_a_record_whose_writer_was_killed_before_the_witness_knew_of_it_counts(journal: Journal) -> None:
    witness = journal.path.parent / "keys" / "registry.head"
    earlier = witness.read_bytes()
    journal.append({"action": "judge", "family": "churn", "reasons": []})
    witness.write_bytes(earlier)
    assert len(journal.records()) == 10


def test_a_witness_that_was_changed_is_a_fault(journal: Journal) -> None:
    witness = journal.path.parent / "keys" / "registry.head"
    sealed = witness.read_bytes()
    for wrong in (b"", b"\xff", b"9:abc", sealed.replace(b"9:", b"8:"), sealed + b" "):
        witness.write_bytes(wrong)
        with pytest.raises(JournalBrokenError, match=r"registry\.head is not what was written"):
            journal.records()
    witness.write_bytes(sealed)
    assert len(journal.records()) == 9


def test_a_journal_that_is_gone_is_missed(journal: Journal) -> None:
    journal.path.unlink()
    with pytest.raises(JournalBrokenError, match="Record 9 "):
        journal.records()
