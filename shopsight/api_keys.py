"""API keys: who may call the services, and what for; they lie as hashes in a file of their own.

A key is 256 random bits, which nobody can guess however quick a guess is. So its SHA-256 is what is stored: it costs a
request a microsecond, where the slow hashes that passwords need would cost each one tens of milliseconds. A salt would
part equal passwords; no two keys are equal.
"""

import hashlib
import os
import secrets
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from shopsight.clock import rfc3339, utc_now
from shopsight.errors import ShopsightError
from shopsight.locking import exclusive
from shopsight.settings import Settings
from shopsight.whole_files import replaced

Scope = Literal["read", "write", "orders", "profiles", "admin"]
"""``read`` asks for predictions, ``write`` sends events and items, ``orders`` lets the assistant tell shoppers of their
orders, ``profiles`` tells all that is known of a shopper, and ``admin`` may do all of it and all the rest."""
SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)
PREFIX: Final = "shopsight_"
"""What every key begins with, so that people and scanners for secrets know one where it should not be."""
NAME: Final = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
GRACE: Final = timedelta(hours=24)
"""How long a key that was rotated goes on working."""


class ApiKeyError(ShopsightError):
    """A name that cannot have a key, has one already or has none."""


class UnusableKeysError(ShopsightError):
    """The file of keys cannot be read."""


def _distinct(scopes: tuple[Scope, ...]) -> tuple[Scope, ...]:
    return tuple(scope for scope in SCOPES if scope in scopes)


class ApiKey(BaseModel):
    """What is stored of a key. While one is rotated its name has two."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=NAME)
    """Whose it is, as in ``storefront``."""
    scopes: Annotated[tuple[Scope, ...], Field(min_length=1), AfterValidator(_distinct)]
    hash: str = Field(pattern=r"^[0-9a-f]{64}$")
    """SHA-256 of the key, in hexadecimal."""
    created: AwareDatetime
    expires: AwareDatetime | None = None
    """From when on it opens nothing; None: it does until it is revoked."""
    rate: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """Requests a second; 0 is without a limit, None is what ``SHOPSIGHT_API_KEY_RATE`` says."""

    def expired(self, now: datetime) -> bool:
        """Whether it opens nothing any more."""
        return self.expires is not None and self.expires <= now


class _KeyList(BaseModel):
    model_config = ConfigDict(extra="forbid")

    keys: list[ApiKey]


def hash_of(key: str) -> bytes:
    """Return what is stored of a key, as 32 bytes."""
    return hashlib.sha256(key.encode()).digest()


def read_keys(path: Path) -> list[ApiKey]:
    """Return the keys of a file, in its order.

    Raises:
        UnusableKeysError: it is missing or unreadable, or no valid list of keys.
    """
    try:
        return _KeyList.model_validate_json(path.read_bytes()).keys
    except (OSError, ValidationError) as error:
        raise UnusableKeysError(
            f"the API keys in {path} cannot be used",
            why=_reason(error),
            fix="mend the file, or take it away and make keys anew: `shopsight keys create NAME --scope read`",
        ) from error


def write_keys(path: Path, keys: Sequence[ApiKey]) -> None:
    """Write a file of keys, whole or not at all, which its owner alone can read."""
    with replaced(path) as staging:
        staging.touch(mode=0o600)
        staging.write_text(_KeyList(keys=list(keys)).model_dump_json(indent=2) + "\n", encoding="utf-8")


def require_keys(settings: Settings) -> None:
    """Prove that what listens on ``settings.host`` has the keys that it needs.

    Raises:
        UnusableKeysError: there is a file of keys, and it cannot be used.
        ApiKeyError: the host can be reached from other machines, and there is no file of keys.
    """
    if settings.api_keys_path.exists():
        read_keys(settings.api_keys_path)
    elif not settings.on_loopback:
        raise ApiKeyError(
            f"nothing is served on {settings.host} without API keys",
            why=f"other machines can reach that address, and {settings.api_keys_path} is missing",
            fix="make a key: `shopsight keys create NAME --scope read`; or name the file in SHOPSIGHT_API_KEYS_FILE",
        )


class ApiKeys:
    """The keys of a home, for who gives and takes them; services read the file themselves."""

    def __init__(self, settings: Settings) -> None:
        self._path = settings.api_keys_path
        self.uses = KeyUses(settings)

    def all(self) -> list[ApiKey]:
        """Return every key, expired ones included.

        Raises:
            UnusableKeysError: the file cannot be used.
        """
        return read_keys(self._path) if self._path.exists() else []

    def create(
        self,
        name: str,
        scopes: Sequence[str],
        *,
        lifetime: timedelta | None = None,
        rate: float | None = None,
    ) -> str:
        """Return a new key; it is stored nowhere and cannot be shown again.

        Args:
            name: whose it is.
            scopes: what for.
            lifetime: how long it works; None: until it is revoked.
            rate: requests a second that it may make; see :class:`ApiKey`.

        Raises:
            ApiKeyError: the name is none, or has a key already; or a scope, the lifetime or the rate is none.
            UnusableKeysError: the file cannot be used.
            ResourceBusyError: another process is writing it.
        """
        key, now = _new_key(), utc_now()
        stored = _api_key(
            name=name,
            scopes=tuple(scopes),
            hash=hash_of(key).hex(),
            created=now.replace(microsecond=0),
            expires=None if lifetime is None else _after(now, lifetime),
            rate=rate,
        )
        with self._writing():
            keys = self.all()
            if any(one.name == name for one in keys):
                raise ApiKeyError(
                    f"{name} has a key already",
                    why="a second one under the same name could not be told from it",
                    fix=f"`shopsight keys rotate {name}` replaces it, `shopsight keys revoke {name}` takes it away",
                )
            write_keys(self._path, [*keys, stored])
        return key

    def rotate(self, name: str, *, grace: timedelta = GRACE) -> str:
        """Return a new key in the place of one, which works for ``grace`` beside it; keys before that one end now.

        Raises:
            ApiKeyError: the name has no key, or its key has expired.
            UnusableKeysError: the file cannot be used.
            ResourceBusyError: another process is writing it.
        """
        key, now = _new_key(), utc_now()
        with self._writing():
            keys = self._named(name)
            newest = keys[-1]
            if newest.expired(now):
                raise ApiKeyError(
                    f"the key of {name} expired at {rfc3339(newest.expires or now)}",
                    why="a key that ended by plan is not prolonged by the way",
                    fix=f"`shopsight keys revoke {name}`, then `shopsight keys create {name}`",
                )
            end = _after(now, grace)
            old = newest.model_copy(update={"expires": min(newest.expires or end, end)})
            lifetime = None if newest.expires is None else newest.expires - newest.created
            new = newest.model_copy(
                update={
                    "hash": hash_of(key).hex(),
                    "created": now.replace(microsecond=0),
                    "expires": None if lifetime is None else _after(now, lifetime),
                }
            )
            others = [one for one in self.all() if one.name != name]
            write_keys(self._path, [*others, *([] if old.expired(now) else [old]), new])
        return key

    def revoke(self, name: str) -> None:
        """Take a key away, and with it one that it replaced.

        Raises:
            ApiKeyError: the name has no key.
            UnusableKeysError: the file cannot be used.
            ResourceBusyError: another process is writing it.
        """
        with self._writing():
            self._named(name)
            write_keys(self._path, [one for one in self.all() if one.name != name])
        self.uses.forget(name)

    def _named(self, name: str) -> list[ApiKey]:
        keys = self.all()
        named = [one for one in keys if one.name == name]
        if not named:
            names = ", ".join(dict.fromkeys(one.name for one in keys)) or "nobody yet"
            raise ApiKeyError(f"{name} has no key", why=f"keys have: {names}", fix="see `shopsight keys list`")
        return named

    def _writing(self) -> AbstractContextManager[None]:
        return exclusive(self._path.with_suffix(".lock"), what="the API keys", wait_seconds=10)


class KeyUses:
    """When each key was used last: a file of twenty bytes for each name, apart from the keys.

    Services write it. One ``write`` over the same twenty bytes needs no lock between them, and none of them ever writes
    the file of keys.
    """

    def __init__(self, settings: Settings) -> None:
        self._folder = settings.home / "api_key_uses"

    def note(self, name: str, moment: datetime) -> None:
        """Write down that a key was used, to the second.

        Raises:
            OSError: it cannot be written.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._folder / name, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, rfc3339(moment.replace(microsecond=0)).encode())
        finally:
            os.close(descriptor)

    def last(self, name: str) -> datetime | None:
        """Return when a key was used last, or None where it never was."""
        try:
            return datetime.fromisoformat((self._folder / name).read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return None

    def forget(self, name: str) -> None:
        """Forget a key that is no more."""
        (self._folder / name).unlink(missing_ok=True)


def _new_key() -> str:
    return PREFIX + secrets.token_urlsafe(32)


def _after(now: datetime, span: timedelta) -> datetime:
    """Return a moment in whole seconds, as the file has them."""
    return (now + span).replace(microsecond=0)


def _api_key(**fields: Any) -> ApiKey:
    try:
        return ApiKey(**fields)
    except ValidationError as error:
        raise ApiKeyError(
            f"no key was made for {fields['name']!r}",
            why=_reason(error),
            fix="a name has up to 64 letters, digits, dots, dashes and underscores; scopes are read, write and admin",
        ) from error


def _reason(error: OSError | ValidationError) -> str:
    """Return why a file or a key is none, without what stands there."""
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return "; ".join(f"{'.'.join(map(str, one['loc'])) or 'the file'}: {one['msg']}" for one in error.errors()[:3])
