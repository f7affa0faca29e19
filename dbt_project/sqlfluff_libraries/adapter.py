"""What sqlfluff takes dbt's ``adapter`` for: a dispatched macro is a star, or a function of its first argument."""

from collections.abc import Callable


def dispatch(name: str) -> Callable[..., str]:
    """Stand in for ``adapter.dispatch``."""

    def call(value: str = "", *others: str) -> str:
        return f"{others[0]}*" if name == "all_but" else f"{name}({value})"

    return call
