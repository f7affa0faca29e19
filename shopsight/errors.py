"""The one shape of every failure a user sees: what happened, why, and what to do about it."""


class ShopsightError(Exception):
    """A failure with its cause and its fix."""

    def __init__(self, what: str, *, why: str, fix: str) -> None:
        super().__init__(f"{what}\n  why: {why}\n  fix: {fix}")
        self.what = what
        self.why = why
        self.fix = fix
