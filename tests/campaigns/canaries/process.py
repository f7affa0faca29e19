"""The process of a toy that may have a defect."""

import sys
from pathlib import Path

from swaps.toy import ToyProcess


class CanaryProcess(ToyProcess):
    """Serves such a toy."""

    def command(self, descriptor: int) -> list[str]:
        """Return the command that serves the model on a socket."""
        model = self.settings.bentoml_dir / "models" / self.bento.family / self.bento.path.name
        script = Path(__file__).with_name("serve.py")
        return [sys.executable, "-m", "shopsight.parent", str(script), str(model), str(descriptor)]
