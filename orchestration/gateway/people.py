"""Who may open the pages that ``make up`` serves: the person who runs it, and those who were given a token.

Of the tokens that were given, only hashes are stored. The token of who runs ``make up`` lies in a file that only its
owner can read, because its link is printed at every start.
"""

import getpass
import hashlib
import hmac
import json
import secrets
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal, get_args
from urllib.parse import quote

from models.registry.names import are_alike, is_a_name, looks_of, spelling_of
from shopsight.contracts import APPROVAL_POLICY, TRAINING_RUN
from shopsight.errors import ShopsightError
from shopsight.key_files import key_of
from shopsight.locking import exclusive
from shopsight.settings import Settings
from shopsight.whole_files import write_json

Role = Literal["editor", "viewer"]
"""An ``editor`` launches runs and decides about models; a ``viewer`` looks at everything and changes nothing."""
ROLES: Final[tuple[Role, ...]] = get_args(Role)


class PersonError(ShopsightError):
    """A name that cannot decide about models, or one that has no token."""


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody who may come in, and what proves it."""

    name: str
    token_hash: str
    """SHA-256 of the token: it has 192 random bits or more, so that nothing slower is needed."""
    since: str
    """When the token was made, in ISO 8601."""
    role: Role = "editor"
    """What the person may do; a list that was written before there were roles holds editors."""


class People:
    """Those who may come in: whoever runs ``make up``, and the named people of ``keys/people.json``."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._path: Path = settings.keys_dir / "people.json"

    def own_token(self) -> str:
        """Return the token of who runs ``make up``: ``SHOPSIGHT_TOKEN``, else the one of the home, made on first use.

        Raises:
            OSError: its file cannot be read or made.
        """
        if self._settings.token is not None:
            return self._settings.token.get_secret_value()
        return key_of(self._settings.keys_dir / "web_ui.token").decode()

    def add(self, name: str, role: str = "editor") -> str:
        """Return a new token for a person; one that the person had stops working.

        Raises:
            PersonError: the name is none that a person can sign with, or could be taken for another one's, or the role
                is none of :data:`ROLES`.
            ResourceBusyError: another process is writing the list.
        """
        name = checked_name(name)
        for other in (person_at_terminal(self._settings), *(person.name for person in self.named())):
            if looks_of(other) == looks_of(name) and spelling_of(other) != spelling_of(name):
                raise PersonError(
                    f"{name} gets no token", why=f"the name could be taken for {other!r}", fix="give another spelling"
                )
        roles: dict[str, Role] = {one: one for one in ROLES}
        if role not in roles:
            raise PersonError(
                f"{name} gets no token", why=f"{role!r} is no role", fix=f"the roles are: {', '.join(ROLES)}"
            )
        token, since = secrets.token_hex(24), datetime.now(UTC).isoformat("T", "seconds")
        person = Person(name=name, token_hash=_hash(token), since=since, role=roles[role])
        with self._writing():
            self._write([*(one for one in self.named() if spelling_of(one.name) != spelling_of(name)), person])
        return token

    def remove(self, name: str) -> str:
        """Take a person's token away, and return the name as it was given; open pages stop working, too.

        Raises:
            PersonError: no such person has a token.
            ResourceBusyError: another process is writing the list.
        """
        with self._writing():
            people = self.named()
            matches = [person for person in people if spelling_of(person.name) == spelling_of(name)]
            if not matches:
                raise PersonError(
                    f"{name} has no token",
                    why=f"those with one are: {', '.join(person.name for person in people) or 'none yet'}",
                    fix="see `shopsight people list`",
                )
            self._write([person for person in people if person not in matches])
        return matches[0].name

    def named(self) -> list[Person]:
        """Return those who were given a token, in the order in which they were."""
        if not self._path.exists():
            return []
        return [Person(**entry) for entry in json.loads(self._path.read_text(encoding="utf-8"))]

    def everyone(self) -> list[Person]:
        """Return all who may come in; who runs ``make up`` is the first."""
        owner = Person(name=person_at_terminal(self._settings), token_hash=_hash(self.own_token()), since="")
        return [owner, *self.named()]

    def holder(self, token: str) -> Person | None:
        """Return whose token this is, or ``None``; every stored hash is compared, in constant time."""
        given = _hash(token)
        matches = [person for person in self.everyone() if hmac.compare_digest(person.token_hash, given)]
        return matches[0] if matches else None

    def _writing(self) -> AbstractContextManager[None]:
        key_of(self._settings.keys_dir / "signing.key")  # makes the folder, of mode 700
        return exclusive(self._path.with_suffix(".lock"), what="who may come in", wait_seconds=10)

    def _write(self, people: list[Person]) -> None:
        write_json(self._path, [asdict(person) for person in people])
        self._path.chmod(0o600)


def link_to(settings: Settings, token: str) -> str:
    """Return the address that opens Studio and logs in the holder of a token, there and in Dagster's web UI."""
    return f"http://{settings.host}:{settings.studio_port}/?token={quote(token, safe='')}"


def person_at_terminal(settings: Settings) -> str:
    """Return the name of who runs this process: ``SHOPSIGHT_USER``, else the system's name of who is logged in.

    Raises:
        PersonError: the system has no name for who runs it, or it is none that a person can sign with.
    """
    if settings.user:
        return checked_name(settings.user)
    try:
        return checked_name(getpass.getuser())
    except (OSError, KeyError) as error:  # a container's user without an entry in /etc/passwd
        raise PersonError("nobody knows who you are", why=str(error), fix="set SHOPSIGHT_USER to your name") from error


def checked_name(name: str) -> str:
    """Return a name without blanks around it.

    Raises:
        PersonError: it has no letter, or it is a name that shopsight itself signs with.
    """
    if not is_a_name(name):
        raise PersonError(
            f"{name!r} is no name of a person",
            why="it has no letter, or a character that nobody sees",
            fix="give your own name",
        )
    if any(are_alike(name, service) for service in (APPROVAL_POLICY, TRAINING_RUN)):
        raise PersonError(f"{name} is no person", why="shopsight itself signs with this name", fix="give your own name")
    return name.strip()


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
