"""A server that takes webhooks."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class WebhookServer:
    """What came, and where to send more."""

    url: str = ""
    status: int = 204
    hanging: threading.Event | None = None
    """What it waits for before it answers; None: nothing."""
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    """Headers, in small letters, and body."""


@contextmanager
def webhook_server() -> Iterator[WebhookServer]:
    """Run one for the length of the block."""
    box = WebhookServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            box.requests.append(({name.lower(): value for name, value in self.headers.items()}, body))
            if box.hanging is not None:
                box.hanging.wait(30)
            self.send_response(box.status)
            if box.status == 302:
                self.send_header("Location", f"{box.url}elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        box.url = f"http://127.0.0.1:{server.server_address[1]}/"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield box
        finally:
            if box.hanging is not None:
                box.hanging.set()
            server.shutdown()
            thread.join()
