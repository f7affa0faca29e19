"""What sqlfluff takes dbt's cross-database macros for: expressions of the right shape."""


def datediff(first: str, second: str, datepart: str) -> str:
    """Stand in for ``dbt.datediff``."""
    return f"date_diff('{datepart}', {first}, {second})"


def dateadd(datepart: str, interval: str, moment: str) -> str:
    """Stand in for ``dbt.dateadd``."""
    return f"({moment} + to_{datepart}s({interval}))"


def date_trunc(datepart: str, moment: str) -> str:
    """Stand in for ``dbt.date_trunc``."""
    return f"date_trunc('{datepart}', {moment})"


def split_part(text: str, delimiter: str, part: int) -> str:
    """Stand in for ``dbt.split_part``."""
    return f"split_part({text}, {delimiter}, {part})"


def type_string() -> str:
    """Stand in for ``dbt.type_string``."""
    return "varchar"
