"""The services of all champions together: each at its family's approved version, whatever happens in between."""

from models.registry.registry import ModelRegistry
from serving.packaging.bento import BentoRecord, find_bento
from serving.running.launcher import ServiceProcess
from shopsight.contracts import MODEL_FAMILIES
from shopsight.settings import Settings


class ServiceFleet:
    """One service process per model family that has an approved version and its Bento."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._registry = ModelRegistry(settings.registry_dir)
        self._processes: dict[str, ServiceProcess] = {}

    def refresh(self) -> bool:
        """Start what is missing, stopped by itself or was approved since, and wait until it answers.

        Returns:
            Whether any service was started or replaced.

        Raises:
            ServiceNotStartedError: a service did not come up; the others keep running.
        """
        started = []
        for family in MODEL_FAMILIES:
            wanted, present = self._wanted(family), self._processes.get(family)
            if wanted is None or (present is not None and present.running and present.bento.tag == wanted.tag):
                continue
            if present is not None:
                present.stop()
            process = self._processes[family] = ServiceProcess(self._settings, wanted)
            process.start()
            started.append(process)
        for process in started:
            process.wait_until_ready()
        return bool(started)

    def running(self) -> dict[str, str]:
        """Return the tag of each running Bento, by model family."""
        return {family: process.bento.tag for family, process in self._processes.items() if process.running}

    def stop(self) -> None:
        """Stop every service; requests in flight are finished first."""
        for process in self._processes.values():
            process.stop()
        self._processes.clear()

    def _wanted(self, family: str) -> BentoRecord | None:
        champion = self._registry.champion(family)
        return None if champion is None else find_bento(self._settings, family, champion.version)
