"""Prints what is added to files of logs, for whoever reads the output of a container."""

import sys
from pathlib import Path


class LogTail:
    """Follows every ``*.log`` below a folder, from what it holds now on; one that is made later from its beginning."""

    def __init__(self, folder: Path) -> None:
        """Begin."""
        self._folder = folder
        self._ends = {path: path.stat().st_size for path in folder.rglob("*.log")}

    def print_news(self) -> None:
        """Print what came since the last call, file by file, in whole lines."""
        for path in sorted(self._folder.rglob("*.log")):
            with path.open("rb") as log:
                log.seek(self._ends.get(path, 0))
                news = log.read()
            whole = news[: news.rfind(b"\n") + 1]
            if whole:
                self._ends[path] = self._ends.get(path, 0) + len(whole)
                sys.stderr.write(whole.decode(errors="replace"))
        sys.stderr.flush()
