"""The ports of a home: which setting moves each, and whether it can be listened on."""

import socket
from collections import Counter

from shopsight.families import SERVICES
from shopsight.settings import Settings


def port_settings(settings: Settings) -> dict[str, int]:
    """Return the port of each server that ``make up`` starts, by the environment variable that moves it."""
    names = ["dagster_port", "reports_port", "studio_port", *(service.port_setting for service in SERVICES.values())]
    return {f"SHOPSIGHT_{name.upper()}": int(getattr(settings, name)) for name in names}


def shared_ports(settings: Settings) -> dict[int, list[str]]:
    """Return the ports that more than one setting names, with those settings."""
    ports = port_settings(settings)
    twice = [port for port, uses in Counter(ports.values()).items() if uses > 1]
    return {port: [variable for variable, named in ports.items() if named == port] for port in twice}


def why_taken(host: str, port: int) -> str | None:
    """Return what the system says where nothing can listen on a port, or None where it is free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return str(error)
    return None
