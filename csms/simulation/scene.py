"""What one world holds, for those who make things happen in it."""

from dataclasses import dataclass

from csms.core.ids import ChargerId
from csms.core.station import Station
from csms.simulation.charger import ChargerModel
from csms.simulation.client import RestClient
from csms.simulation.energy import Energy
from csms.simulation.grid import GridConnection
from csms.simulation.host import Host
from csms.simulation.judge import Judge
from csms.simulation.store import Store
from csms.simulation.surroundings import Surroundings


@dataclass(frozen=True, slots=True)
class Scene:
    """The inhabitants of one world; dictionaries and lists are shared and change."""

    around: Surroundings
    host: Host
    judge: Judge
    store: Store
    chargers: dict[ChargerId, ChargerModel]
    clients: list[RestClient]
    grid: GridConnection
    energy: Energy | None = None

    @property
    def station(self) -> Station:
        """Return the configuration that the engine has taken in."""
        return self.judge.mirror.station
