"""Every kind of change to a registry's files that is no decision; the registry's own proof has to notice each."""

import hashlib
import json
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from governance.people import FAMILIES
from governance.toys import VERDICTS, evaluation_of, toy_candidate
from models.registry.registry import ModelRegistry

AT: Final = datetime(2026, 5, 1, 12, tzinfo=UTC)
APPROVERS: Final = """\
approvers:
  - {name: Ada Lovelace}
  - {name: Grace Hopper, role: observer}
delegations:
  - {from: Ada Lovelace, to: Grace Hopper, since: 2026-05-02, until: 2026-05-03}
"""
REASON: Final = "ticket 12: it beats the champion"
Change = Callable[[random.Random, "Target"], None]


@dataclass(frozen=True, kw_only=True)
class Target:
    """A registry that is about to be changed; ``root`` is the folder around it."""

    root: Path

    @property
    def journal(self) -> Path:
        """Its journal."""
        return self.root / "registry" / "journal.jsonl"

    @property
    def witness(self) -> Path:
        """What says how far the journal goes."""
        return self.root / "keys" / "registry.head"

    def lines(self) -> list[bytes]:
        """Return the journal's records."""
        return self.journal.read_bytes().splitlines(keepends=True)

    def write(self, lines: list[bytes]) -> None:
        """Write the journal."""
        self.journal.write_bytes(b"".join(lines))

    def files(self, *names: str) -> list[Path]:
        """Return the files of all versions, or those of some names."""
        files = sorted(path for path in (self.root / "registry").rglob("v*/**/*") if path.is_file())
        return [path for path in files if not names or path.name in names]

    def versions(self) -> list[Path]:
        """Return the folders of all versions."""
        return sorted((self.root / "registry").glob("*/v*"))

    def open(self) -> ModelRegistry:
        """Return the registry."""
        return ModelRegistry(self.root / "registry", approvers=self.root / "approvers.yml", verdict_days=14)


def registry_to_change(root: Path) -> Target:
    """Make a registry in which everything that can be decided was: two families, delegation, rollback, Bentos."""
    root.mkdir(parents=True)
    (root / "approvers.yml").write_text(APPROVERS)
    target = Target(root=root)
    registry = target.open()
    for family in FAMILIES:
        for number in range(4):
            at = AT + timedelta(hours=12 * number)
            folder = toy_candidate(root / "candidate", seed=number)
            version = registry.register(
                family,
                folder,
                evaluation=evaluation_of(family),
                card={"seed": number, "note": "a toy"},
                created_at=at,
                launched_by="Vera",
            ).version
            registry.judge(family, version, verdict=VERDICTS[number != 2], at=at)
            who = "Grace Hopper" if number == 3 else "Ada Lovelace"
            decide = registry.reject if number == 2 else registry.approve
            decide(family, version, approver=who, reason=REASON, at=at, requester="training run")
            if number != 2:
                registry.package(family, version, tag=f"toy:{version}", manifest="0" * 64, at=at)
    registry.rollback(FAMILIES[0], approver="Ada Lovelace", reason=REASON, at=AT + timedelta(days=3))
    shutil.rmtree(root / "candidate")
    registry.verify()
    return target


def _bytes_of(file: Path, rng: random.Random, *, end: bool = True) -> None:
    """Change a file at a place that is drawn: a bit, a byte more or less, or all after it.

    Args:
        file: which.
        rng: draws.
        end: whether something may be put behind the last byte.
    """
    content = file.read_bytes()
    place = rng.randrange(len(content))
    kinds = ("bit", "byte", "less", "more", "cut", "twice", "zeros")
    match rng.choice(kinds):
        case "bit":
            changed = content[:place] + bytes([content[place] ^ (1 << rng.randrange(8))]) + content[place + 1 :]
        case "byte":
            changed = content[:place] + bytes([rng.randrange(256)]) + content[place + 1 :]
        case "less":
            changed = content[:place] + content[place + rng.randint(1, 9) :]
        case "more":
            place += end and rng.random() < 0.1
            changed = content[:place] + rng.choice((b" ", b"\n", b"0", b"\x00", b"}", b'"', b"a")) + content[place:]
        case "cut":
            changed = content[:place]
        case "twice":
            changed = content[:place] + content[max(0, place - rng.randint(1, 40)) :]
        case _:
            changed = content[:place] + b"\x00" * len(content[place : place + 8]) + content[place + 8 :]
    file.write_bytes(changed)


def journal_byte(rng: random.Random, target: Target) -> None:
    """Change the journal's bytes, but for what a killed writer may leave behind its last record."""
    _bytes_of(target.journal, rng, end=False)


def journal_record(rng: random.Random, target: Target) -> None:
    """Remove, double, move or cut off whole records."""
    lines = target.lines()
    place, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    match rng.choice(("remove", "double", "swap", "move", "cut", "again", "nothing", "gone", "blank", "part")):
        case "remove":
            del lines[place]
        case "double":
            lines.insert(place, lines[place])
        case "swap":
            lines[place], lines[other] = lines[other], lines[place]
        case "move":
            lines.insert(other, lines.pop(place))
        case "cut":
            del lines[place:]
        case "again":
            lines.append(lines[place])
        case "nothing":
            lines = []
        case "gone":
            target.journal.unlink()
            return
        case "blank":
            lines.insert(place, b"\n")
        case _:
            lines = lines[place:]
    target.write(lines)


def journal_field(rng: random.Random, target: Target) -> None:
    """Change one field of one record, and leave its hash, make one without the key, or chain all of it anew."""
    records = [json.loads(line) for line in target.lines()]
    number = rng.randrange(len(records))
    record = records[number]
    name = rng.choice(sorted(record))
    record[name] = _other(rng, record[name])
    match rng.choice(("left", "plain", "chained", "dropped", "spelt")):
        case "plain":
            record["hash"] = _plain_hash(record)
        case "chained":
            for one, after in zip(records, [*records[1:], None], strict=True):
                one["hash"] = _plain_hash(one)
                if after is not None:
                    after["previous"] = one["hash"]
        case "dropped":
            del record[name]
        case "spelt":
            target.write([json.dumps(one).encode() + b"\n" for one in map(json.loads, target.lines())])
            return
    target.write([_line(one) for one in records])


def approval(rng: random.Random, target: Target) -> None:
    """Change who approved what, why, when or for whom, or forge an approval."""
    records = [json.loads(line) for line in target.lines()]
    decided = [one for one in records if one["action"] in ("approve", "reject", "rollback")]
    record = rng.choice(decided)
    match rng.choice(("who", "why", "when", "what", "for whom", "forged", "copied")):
        case "who":
            record["approver"] = rng.choice(("Mallory", "ada lovelace", "Grace  Hopper", ""))
        case "why":
            record["reason"] += rng.choice((".", " indeed", " "))
        case "when":
            record["at"] = (AT + timedelta(minutes=rng.randrange(1, 10_000), seconds=7)).isoformat()
        case "what":
            record["version"] = rng.choice(
                [f"v{number:04d}" for number in range(1, 6) if f"v{number:04d}" != record["version"]]
            )
        case "for whom":
            record["on_behalf_of"] = rng.choice(("Ada", "Vera", "nobody"))
        case "forged":
            body = {**record, "number": len(records) + 1, "previous": records[-1]["hash"], "approver": "Mallory"}
            records.append({**body, "hash": _plain_hash(body)})
        case _:
            records.append({**record, "number": len(records) + 1})
    target.write([_line(one) for one in records])


def artefact(rng: random.Random, target: Target) -> None:
    """Change a model's files: their bytes, their names, or which there are."""
    _changed_file(rng, target, rng.choice(target.files("model.safetensors", "config.json", "vocab.txt")))


def card(rng: random.Random, target: Target) -> None:
    """Change what a card or an evaluation says, or only how it is written."""
    file = rng.choice(target.files("card.json", "evaluation.json"))
    if rng.random() < 0.5:
        _changed_file(rng, target, file)
        return
    document = json.loads(file.read_text())
    name = rng.choice(sorted(document))
    document[name] = _other(rng, document[name])
    file.write_text(
        json.dumps(document if rng.random() < 0.8 else json.loads(file.read_text()), indent=rng.choice((1, 3)))
    )


def folder(rng: random.Random, target: Target) -> None:
    """Swap, rename, remove or add the folder of a version."""
    one, other = rng.sample(target.versions(), 2)
    aside = target.root / "aside"
    match rng.choice(("swap", "rename", "remove", "add", "copy", "link")):
        case "swap":
            one.rename(aside)
            other.rename(one)
            aside.rename(other)
        case "rename":
            one.rename(one.with_name(f"v{rng.randrange(10, 9_999):04d}"))
        case "remove":
            shutil.rmtree(one)
        case "add":
            (one.parent / f"v{rng.randrange(10, 9_999):04d}").mkdir()
        case "copy":
            shutil.copytree(one, one.with_name(f"v{rng.randrange(10, 9_999):04d}"))
        case _:
            one.rename(aside)
            one.symlink_to(aside)


def key_and_witness(rng: random.Random, target: Target) -> None:
    """Change the key or the witness, or take the key away."""
    key = target.root / "keys" / "registry.key"
    match rng.choice(("key", "witness", "gone")):
        case "key":
            content = key.read_bytes()
            place = rng.randrange(len(content))
            key.write_bytes(content[:place] + bytes([content[place] ^ (1 << rng.randrange(4))]) + content[place + 1 :])
        case "witness":
            _bytes_of(target.witness, rng)
        case _:
            key.unlink()


KINDS: Final[dict[str, tuple[Change, int]]] = {
    "bytes of the journal": (journal_byte, 30),
    "records of the journal": (journal_record, 10),
    "fields of the journal": (journal_field, 15),
    "approvals": (approval, 15),
    "artefacts": (artefact, 12),
    "cards and evaluations": (card, 10),
    "folders of versions": (folder, 4),
    "key and witness": (key_and_witness, 4),
}
"""What is changed, and how often of a hundred."""


def _changed_file(rng: random.Random, target: Target, file: Path) -> None:
    others = [one for one in target.files(file.name) if one.read_bytes() != file.read_bytes()]
    match rng.choice(("bytes", "bytes", "bytes", "gone", "added", "pickle", "link", "renamed", "another", "folder")):
        case "gone":
            file.unlink()
        case "added":
            (file.parent / f"extra{rng.randrange(99)}.json").write_text("{}")
        case "pickle":
            (file.parent / "extra.pkl").write_bytes(b"\x80\x04.")
        case "link":
            aside = target.root / "aside"
            file.rename(aside)
            file.symlink_to(aside)
        case "renamed":
            file.rename(file.with_name(f"other{file.suffix}"))
        case "another" if others:
            shutil.copyfile(rng.choice(others), file)
        case "folder":
            file.unlink()
            file.mkdir()
        case _:
            _bytes_of(file, rng)


def _other(rng: random.Random, value: Any) -> Any:
    """Return another value of a field."""
    match value:
        case bool():
            return not value
        case int() | float():
            return value + rng.choice((1, -1, 10))
        case str():
            return value + rng.choice(("x", " ", "0")) if rng.random() < 0.5 else value[:-1]
        case list():
            return [*value, "another"]
        case dict() if value:
            name = rng.choice(sorted(value))
            return {one: content for one, content in value.items() if one != name}
        case _:
            return "another"


def _plain_hash(record: dict[str, Any]) -> str:
    body = {name: value for name, value in record.items() if name != "hash"}
    return hashlib.sha256(_line(body)[:-1]).hexdigest()


def _line(record: dict[str, Any]) -> bytes:
    return json.dumps(record, sort_keys=True, separators=(",", ":")).encode() + b"\n"
