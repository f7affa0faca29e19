"""``shopsight keys``: who may call the services, and what for."""

from datetime import UTC, datetime, timedelta

from rich.table import Table

from cli.console import out, print_json
from shopsight.api_keys import GRACE, ApiKeys
from shopsight.clock import utc_now
from shopsight.settings import Settings


def create_key(name: str, scopes: list[str], *, expires_days: float | None, rate: float | None, as_json: bool) -> None:
    """Make a key, and print it: it is stored nowhere and cannot be shown again.

    Raises:
        ShopsightError: the name has a key, or cannot have one.
    """
    lifetime = None if expires_days is None else timedelta(days=expires_days)
    key = ApiKeys(Settings()).create(name, scopes, lifetime=lifetime, rate=rate)
    _show(name, key, f"{name} may {' and '.join(scopes)}", as_json=as_json)


def rotate_key(name: str, *, grace_hours: float | None, as_json: bool) -> None:
    """Make a new key in the place of one, and print it; the one before works for a while.

    Raises:
        ShopsightError: the name has no key, or one that has expired.
    """
    grace = GRACE if grace_hours is None else timedelta(hours=grace_hours)
    key = ApiKeys(Settings()).rotate(name, grace=grace)
    _show(
        name, key, f"{name} has a new key; the one before ends in {grace.total_seconds() / 3600:g} h", as_json=as_json
    )


def revoke_key(name: str) -> None:
    """Take a key away.

    Raises:
        ShopsightError: the name has none.
    """
    ApiKeys(Settings()).revoke(name)
    out.print(f"the key of {name} opens nothing any more; running services know within a second", markup=False)


def list_keys(*, as_json: bool) -> None:
    """Print who has a key, what for, and when it was used last.

    Raises:
        ShopsightError: the file of keys cannot be used.
    """
    settings = Settings()
    api_keys = ApiKeys(settings)
    keys, now = api_keys.all(), utc_now()
    if as_json:
        rows = [
            key.model_dump(mode="json", exclude={"hash"})
            | {"expired": key.expired(now), "last_use": api_keys.uses.last(key.name)}
            for key in keys
        ]
        print_json({"file": str(settings.api_keys_path), "in_force": settings.api_keys_path.exists(), "keys": rows})
        return
    if not keys:
        out.print("nobody has a key yet: `shopsight keys create NAME --scope read`", markup=False)
        return
    table = Table()
    for column in ("name", "scopes", "created", "ends", "rate", "last use"):
        table.add_column(column, overflow="fold")
    for key in keys:
        rate = "default" if key.rate is None else f"{key.rate:g}/s" if key.rate else "no limit"
        ends = f"{_minute(key.expires)}{' (expired)' if key.expired(now) else ''}"
        last = _minute(api_keys.uses.last(key.name))
        table.add_row(key.name, " ".join(key.scopes), _minute(key.created), ends, rate, last)
    out.print(table)
    out.print("times are UTC", style="dim")


def _show(name: str, key: str, what: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"name": name, "key": key})
        return
    out.print(f"{what}. The key is printed once; send it as `X-API-Key` or `Authorization: Bearer`:", markup=False)
    out.print(key, soft_wrap=True, markup=False)


def _minute(moment: datetime | None) -> str:
    return "never" if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M")
