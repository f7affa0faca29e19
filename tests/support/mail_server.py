"""A mail server that takes what it is sent, and says to whom it was."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message


@dataclass
class MailServer:
    """What came, and where to send more."""

    port: int = 0
    refuses: bool = False
    """Whether it answers every message with a passing fault."""
    messages: list[tuple[str, Message]] = field(default_factory=list)
    """Recipient and message."""


@contextmanager
def mail_server() -> Iterator[MailServer]:
    """Run one for the length of the block."""
    box = MailServer()

    class Session(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self._say("220 here")
            recipient = ""
            while line := self.rfile.readline():
                verb = line[:4].upper()
                if verb == b"RCPT":
                    recipient = line.split(b"<")[1].split(b">")[0].decode()
                if verb == b"DATA":
                    self._say("354 go on")
                    content = b"".join(iter(self.rfile.readline, b".\r\n"))
                    if box.refuses:
                        self._say("451 not now, for ada@shop.example")
                        continue
                    box.messages.append((recipient, message_from_bytes(content)))
                self._say("221 bye" if verb == b"QUIT" else "250 fine")
                if verb == b"QUIT":
                    return

        def _say(self, text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode())

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Session) as server:
        box.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield box
        finally:
            server.shutdown()
            thread.join()
