"""The services of all champions and those without a model together, each kept up whatever becomes of the others."""

import logging
import threading
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Final

from serving.running.keeper import ServiceKeeper, sentence
from serving.running.launcher import ServiceProcess
from serving.running.plain_keeper import PlainKeeper
from serving.running.release_keeper import ReleaseKeeper
from serving.running.states import ServiceState
from shopsight.families import FAMILIES
from shopsight.settings import Settings

START_LOOK_SECONDS: Final = 0.2
"""How often it is looked whether what was started answers."""

log = logging.getLogger(__name__)


class ServiceFleet:
    """One service process per model family that has an approved version and its Bento; and those without a model."""

    def __init__(
        self,
        settings: Settings,
        *,
        families: Collection[str] = tuple(FAMILIES),
        without_model: Collection[str] = (),
        process: Callable[..., ServiceProcess] = ServiceProcess,
    ) -> None:
        """Prepare the services of ``families``, and those of ``without_model``, such as the collector.

        ``process`` makes what serves a Bento.
        """
        self._keepers: dict[str, ServiceKeeper | PlainKeeper] = {
            family: ServiceKeeper(settings, family, process=process) for family in families
        }
        self._keepers |= {name: PlainKeeper(settings, name) for name in without_model}
        self._releases = {family: ReleaseKeeper(settings, family, process=process) for family in families}
        self._faults: dict[str, str] = {}
        self._release_faults: dict[str, str] = {}

    def refresh(self) -> bool:
        """Look at every service once: start what is missing, ended by itself or was approved since.

        It does not wait for what it starts; the next look does. What goes wrong costs the service that it hits.

        Returns:
            Whether the state of any service has changed.
        """
        before = self.states()
        self._faults.clear()
        for name, keeper in self._keepers.items():
            try:
                keeper.look()
            except Exception as error:
                # Whatever it is, the other services must not pay for it.
                log.exception("looking after the service %s failed", name)
                self._faults[name] = sentence(error)
        self._tend_releases()
        return self.states() != before

    def start(self, stopping: threading.Event, *, tend: Callable[[], object] | None = None) -> None:
        """Start what can be started, and return once every service answers or has failed, or ``stopping`` is set.

        Args:
            stopping: set where somebody does not want to wait any more.
            tend: looks once, in the place of :meth:`refresh`.
        """
        look = tend or self.refresh
        look()
        while self.starting() and not stopping.wait(START_LOOK_SECONDS):
            look()

    def states(self) -> dict[str, ServiceState]:
        """Return how each service is, by its family's name or its own."""
        states = {name: keeper.state() for name, keeper in self._keepers.items()}
        states |= {name: ServiceState("failed", fault, states[name].bento) for name, fault in self._faults.items()}
        for family, release in self._releases.items():
            if note := self._release_faults.get(family, release.note):
                state = states[family]
                states[family] = replace(state, note="; ".join(text for text in (state.note, note) if text))
        return states

    def _tend_releases(self) -> None:
        """Look at every version under release once, after the service that it is compared with."""
        self._release_faults.clear()
        for family, release in self._releases.items():
            keeper = self._keepers[family]
            assert isinstance(keeper, ServiceKeeper)
            try:
                release.look(keeper.state(), failed_tag=keeper.failed_tag, splits=keeper.splits)
                keeper.keeps_reserve = release.is_watching
            except Exception as error:
                # Whatever it is, what serves must not pay for it.
                log.exception("looking after the release of %s failed", family)
                keeper.keeps_reserve = False
                self._release_faults[family] = f"release: {sentence(error)}"

    def starting(self) -> bool:
        """Return whether any service has been started and does not answer yet."""
        return any(keeper.starting for keeper in self._keepers.values())

    def stop(self) -> None:
        """Stop every service; requests in flight are finished first."""
        for release in self._releases.values():
            release.stop()
        for keeper in self._keepers.values():
            keeper.leave()
        for keeper in self._keepers.values():
            keeper.stop()
