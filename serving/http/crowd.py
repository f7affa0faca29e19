"""How many requests a service works on: the guard counts them, and connections refuse what is too much."""

from typing import Final


class Crowd:
    """The requests that this process works on, and how many it takes on at once."""

    def __init__(self, limit: int = 64) -> None:
        self.limit = limit
        self.size = 0
        self.entering = 0
        """Requests that a connection let in and that have not reached the guard, which is a turn of the loop later."""

    @property
    def full(self) -> bool:
        """Whether the guard is to refuse a further request."""
        return self.size >= self.limit

    @property
    def full_with_those_entering(self) -> bool:
        """Whether a connection is to refuse a further request."""
        return self.size + self.entering >= self.limit


CROWD: Final = Crowd()
"""Of this process, which serves one service."""
