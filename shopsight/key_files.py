"""Keys in files that only their owner can read; one that is missing is made."""

import os
import secrets
from pathlib import Path


def key_of(path: Path) -> bytes:
    """Return the key in a file: 32 random bytes as 64 hexadecimal digits where it was made here.

    Of several processes that make it at once one wins, and all return that one's key.

    Args:
        path: the file, of mode 600; its folder, of mode 700, is made with it.

    Raises:
        OSError: it cannot be read or made.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.parent.chmod(0o700)
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(32))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)  # fails where another process was first: its key counts
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_bytes().strip()
