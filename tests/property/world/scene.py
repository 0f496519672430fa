"""What one world holds, for those who make things happen in it."""

from dataclasses import dataclass

from csms.core.ids import ChargerId
from csms.core.station import Station
from tests.property.world.charger import ChargerModel
from tests.property.world.client import RestClient
from tests.property.world.host import Host
from tests.property.world.judge import Judge
from tests.property.world.store import Store
from tests.property.world.surroundings import Surroundings


@dataclass(frozen=True, slots=True)
class Scene:
    """The inhabitants of one world; dictionaries and lists are shared and change."""

    around: Surroundings
    host: Host
    judge: Judge
    store: Store
    chargers: dict[ChargerId, ChargerModel]
    clients: list[RestClient]

    @property
    def station(self) -> Station:
        """Return the configuration that the engine has taken in."""
        return self.judge.mirror.station
