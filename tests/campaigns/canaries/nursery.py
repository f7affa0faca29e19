"""Processes of services that start in a tenth of a second: forked from one that has imported everything already.

A start takes five seconds of processor time for its imports, and a campaign has two hundred of them. All else is as in
a process of its own: its environment, its socket, its line to `up`, its signals. Run by path with a socket's path it is
the nursery; with a model and a descriptor as well, one of its children's stand-in, which `up` starts and watches.

Imports no more than it must: the stand-in is to start at once.
"""

import json
import os
import select
import signal
import socket
import sys
import threading
from pathlib import Path

CAMPAIGNS = Path(__file__).parents[1]
LINE = "SHOPSIGHT_HANDOVER_LINE"


def keep(path: str) -> None:
    """Fork a service for each that asks, until the process is killed."""
    sys.path[:0] = [str(CAMPAIGNS), str(CAMPAIGNS.parent / "support")]
    import feast  # noqa: F401 - so that no child has to

    import shopsight.feature_store.online  # noqa: F401
    from shopsight.families import FAMILIES, resolve

    resolve(FAMILIES["recommender"].service)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries the children
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()
        while True:
            asking, _ = listening.accept()
            content, descriptors, _, _ = socket.recv_fds(asking, 1_000_000, 3)
            if os.fork() == 0:
                listening.close()
                _be_born(asking, json.loads(content), descriptors)
            for descriptor in descriptors:
                os.close(descriptor)
            asking.close()


def _be_born(asking: socket.socket, wanted: dict[str, dict[str, str] | str], descriptors: list[int]) -> None:
    """Serve as the stand-in was told to, and end with it."""
    output, port, line = descriptors
    os.setsid()
    os.dup2(output, 1)
    os.dup2(output, 2)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    environment, model = wanted["environment"], wanted["model"]
    assert isinstance(environment, dict)
    assert isinstance(model, str)
    os.environ.clear()
    os.environ.update(environment | {LINE: str(line)})
    asking.sendall(str(os.getpid()).encode())

    def end_with_the_stand_in() -> None:
        asking.recv(1)
        os._exit(1)

    threading.Thread(target=end_with_the_stand_in, daemon=True).start()
    from canaries.serve import serve_with_defect

    status = 1
    try:
        serve_with_defect(Path(model), port)
        status = 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def stand_in(path: str, model: str, port: int) -> None:
    """Have a child born, hand it the signals that this process gets, and end when it does."""
    with socket.socket(socket.AF_UNIX) as nursery:
        nursery.connect(path)
        wanted = json.dumps({"environment": dict(os.environ), "model": model}).encode()
        socket.send_fds(nursery, [wanted], [1, port, int(os.environ[LINE])])
        child = int(nursery.recv(32))
        signal.signal(signal.SIGTERM, lambda number, _: os.kill(child, number))
        os.close(port)
        os.close(int(os.environ[LINE]))
        parent = os.getppid()
        # Until the child has ended, or whoever started this process.
        while not select.select([nursery], [], [], 1.0)[0] and os.getppid() == parent:
            continue


if __name__ == "__main__":
    if len(sys.argv) == 2:
        keep(sys.argv[1])
    else:
        stand_in(sys.argv[1], sys.argv[2], int(sys.argv[3]))
