"""Processes that end with the one that started them, also where that one is killed and can stop nothing itself.

``python -m shopsight.parent -m bentoml serve …`` runs ``python -m bentoml serve …`` so. Only Linux can do it.
"""

import ctypes
import os
import signal
import sys
from typing import Final

_SET_PARENT_DEATH_SIGNAL: Final = 1
"""``PR_SET_PDEATHSIG`` of ``prctl(2)``; it outlives ``execv``."""


def end_with_parent() -> None:
    """Have this process terminated when its parent ends; elsewhere than on Linux nothing is done."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, int(signal.SIGTERM))


def _hear_signals() -> None:
    """Have the signals that end a process end this one, whatever the one that started it does with them.

    Who runs in the background of a script ignores SIGINT, Dagster then ignores SIGTERM, too (it gives SIGTERM the
    handler of SIGINT), and a program inherits what is ignored: it would end neither with its parent nor when asked to.
    """
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, signal.SIG_DFL)


if __name__ == "__main__":
    _hear_signals()
    end_with_parent()
    os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
