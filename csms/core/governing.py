"""The governor of the capacity tariff in the station's state: told of the grid's power, and its peak kept durable."""

from csms.core.ids import Now
from csms.core.journal import Journal
from csms.core.state import State
from csms.core.tariff import metered


def tell_governor(state: State, power_w: int, journal: Journal, now: Now) -> None:
    """Tell the governor the mean power at the grid connection since the last time, W; nothing without a tariff.

    To be told at least each 30 s, and at the ends of windows (`csms.core.tariff`). A higher peak is written down.
    """
    tariff = state.station.capacity_tariff
    if tariff is None:
        return
    before = state.governor.peak
    state.governor = metered(state.governor, tariff, power_w, now, state.zone)
    if state.governor.peak != before and state.governor.peak.power_w:
        journal.peak = True
