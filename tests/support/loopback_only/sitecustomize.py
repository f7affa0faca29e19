"""Put on PYTHONPATH by the end-to-end tests: every Python process, children too, may talk to this machine only.

An attempt to reach anything else fails as it would without a network, and is written down for the test to see.
"""

import os
import socket

_connect = socket.socket.connect
_resolve = socket.getaddrinfo
_LOCAL = ("127.", "::1", "localhost", "0.0.0.0")


def _refuse(target: object) -> None:
    with open(os.environ["LOOPBACK_ONLY_LOG"], "a") as log:
        log.write(f"{target!r}\n")
    raise OSError(101, f"network is unreachable (loopback only): {target!r}")


def _guarded_connect(self: socket.socket, address: object) -> None:
    if self.family != socket.AF_UNIX and not str(address[0]).startswith(_LOCAL):  # type: ignore[index]
        _refuse(address)
    _connect(self, address)  # type: ignore[arg-type]


def _guarded_resolve(host: object, *args: object, **kwargs: object) -> object:
    if host not in (None, "", socket.gethostname()) and not str(host).startswith(_LOCAL):
        _refuse(host)
    return _resolve(host, *args, **kwargs)  # type: ignore[arg-type]


socket.socket.connect = _guarded_connect  # type: ignore[method-assign, assignment]
socket.getaddrinfo = _guarded_resolve  # type: ignore[assignment]
