"""How many requests a service works on: the guard counts them, and connections refuse what is too much."""

from typing import Final


class Crowd:
    """The requests that this process works on, and how many it takes on at once."""

    def __init__(self, limit: int = 64) -> None:
        self.limit = limit
        self.size = 0

    @property
    def full(self) -> bool:
        """Whether a further request is to be refused."""
        return self.size >= self.limit


CROWD: Final = Crowd()
"""Of this process, which serves one service."""
