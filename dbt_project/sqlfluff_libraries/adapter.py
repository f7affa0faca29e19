"""What sqlfluff takes dbt's ``adapter`` for: a dispatched macro is a function of its first argument."""

from collections.abc import Callable


def dispatch(name: str) -> Callable[..., str]:
    """Stand in for ``adapter.dispatch``."""

    def call(value: str, *_: object) -> str:
        return f"{name}({value})"

    return call
