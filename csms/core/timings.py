"""Every time that the control loop keeps, in one place (LEDGER.md §2, §3, §6 and ALLOCATOR.md §5).

The defaults are the law; tests of golden sequences, which know no settling and no spacing, pass their own.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timings:
    """Times of the control loop, ms; each default is the law's."""

    late_execution_ms: int = 60_000
    """H: no charger executes a CALL later than this after our time-out or abort (a declared assumption)."""

    fresh_sample_ms: int = 15_000
    """A sample not older than this tells what the car draws now."""

    settle_ms: int = 10_000
    """An Accepted limit counts as settled after so long without a sample above it."""

    settle_longest_ms: int = 30_000
    """The slowest car has let go by then: what draws more than an Accepted limit for so long does not obey it."""

    evidence_ms: int = 15_000
    """Above its limit for so long, and the newest sample still above: not obeying (three samples are enough)."""

    evidence_ask_ms: int = 5_000
    """A sample above a limit is asked to be confirmed after so long, twice."""

    detour_ms: int = 30_000
    """A charger that says for so long that it offers a car nothing, though told power, is told in the other purpose."""

    resume_ms: int = 120_000
    """A charger that says so for so long does not resume from 0 W."""

    meter_silent_ms: int = 60_000
    """A transaction without a sample for so long, or for three periods of its meter, has a silent meter."""

    excess_mean_ms: int = 10_000
    """What is measured above what is booked is taken as its mean over so long."""

    trim_hold_ms: int = 60_000
    """What is taken off a row for that is given back when less was enough for so long."""

    slow_meter_ms: int = 60_000
    """A meter with a longer period is too slow for control."""

    raise_spacing_ms: int = 10_000
    """Least time between two raises of one connector."""

    dead_band_delay_ms: int = 20_000
    """A raise smaller than the dead band waits so long, never for good."""

    gather_ms: int = 2_000
    """A raise far below its target waits so long for cuts that are in flight for it."""

    backoff_ms: tuple[int, ...] = (0, 5_000, 10_000, 20_000, 30_000)
    """Pauses before an unresolved send is sent again; the last one repeats."""

    wear_day_ms: int = 86_400_000
    """The budget of profiles that may wear a charger's flash memory is for so long."""

    wear_writes: int = 144
    """So many of them in that time, one in ten minutes: ten years at half a million writes, the (geometric) middle
    between 3 days and 3 years at one in 10 s, which is how long chargers were said to last (quirk C42)."""

    refusing_retry_ms: int = 600_000
    """A refusing charger gets one try in so long."""

    urgent_wait_ms: int = 5_000
    """Longest wait of a cut that an overbooked row needs, behind an unanswered CALL."""

    aborts_window_ms: int = 3_600_000
    """At most `aborts_max` aborts of a charger's socket in so long."""

    aborts_max: int = 3

    takeovers_window_ms: int = 60_000
    """More than three takeovers from different addresses in so long are an identity conflict."""

    identity_quiet_ms: int = 600_000
    """A conflict is over when no connection from another address has taken over for so long."""

    assert_ms: int = 15_000
    """After a boot a charger's profiles must be asserted again within this time."""

    uncommanded_charging_ms: int = 60_000
    """Charging without a transaction of ours for so long ends `provisioned`."""

    zombie_ms: int = 60_000
    """Available for so long on a live connection without meter flow closes a transaction that was never stopped."""

    boot_trigger_ms: int = 10_000
    """A charger that was never accepted and says nothing is asked for its boot after so long, once."""

    boot_spacing_ms: tuple[int, ...] = (10_000, 30_000, 60_000, 300_000)
    """What a boot calls for begins not sooner after the boot before: one step on each time that a boot comes sooner."""

    status_trigger_ms: int = 5_000
    """A charger tells its statuses by itself after it has connected; after so long it is asked for them."""

    silent_known_ms: int = 60_000
    """A charger that has booted here before is asked for its statuses after so long, if it says nothing then."""

    status_again_ms: tuple[int, ...] = (30_000, 60_000, 300_000, 900_000)
    """Pauses before it is looked again whether a status is missing; the longest one while one stays missing."""

    undisturbed_ms: int = 30_000
    """A charger's settings are changed only when it has neither connected nor booted for so long."""

    rewrite_ms: tuple[int, ...] = (600_000, 3_600_000, 21_600_000, 86_400_000)
    """Pauses before a setting that was written and is not in force is written again; the last one repeats."""

    status_unknown_ms: int = 60_000
    """A connector that has told no status on a connection for so long raises a notice."""

    silent_ms: int = 180_000
    """A charger that has said nothing on a connection for so long, three usual heartbeats, raises a notice."""

    offline_ms: int = 600_000
    """A charger that was connected and has been away for so long raises an alarm; mobile networks drop out for less."""

    start_gives_way_ms: int = 30_000
    """A remote start that has led to nothing for so long gives way to the next request for its connector."""

    quiet_ms: int = 2_000
    """A start that comes with an old time stamp is steered after the queue has been quiet for so long."""

    old_start_ms: int = 60_000
    """A start with a time stamp older than this may be history."""

    rest_silent_ms: int = 60_000
    """A REST client silent for so long counts as a load that cannot be cut."""

    rest_alarm_ms: int = 900_000
    """… and for so long raises an alarm."""

    meter_fall_ms: int = 10_000
    """A base load that is measured lower counts when it has stayed so for so long (`csms.core.base_load`)."""

    grid_meter_fall_ms: int = 30_000
    """The same where the meter shows the chargers, too: their own samples may be old by half of that."""

    grid_meter_rise_ms: int = 15_000
    """Likely, and not proven, to be higher for so long, it counts."""

    grid_meter_skew_ms: int = 5_000
    """What a meter shows and what is booked for chargers may be of moments so far apart."""

    overbooked_alarm_ms: int = 10_000
    """A row overbooked for so long raises an alarm."""

    start_wait_ms: int = 300_000
    """A remote start that led to no transaction is given up after so long: its connector is free for another one."""

    present_ms: int = 120_000
    """A start that was taken for history is the one that runs when samples of now have named it for so long."""

    judge_ms: int = 10_000
    """No judgement of demand for at least so long after a start or a change of limit."""

    unsaturated_ms: int = 30_000
    """A car below its limit for so long has a lower demand."""

    hold_ms: int = 120_000
    """A car that takes nothing for so long, by its charger's word, is parked."""

    offer_again_ms: tuple[int, ...] = (60_000, 120_000, 240_000, 480_000, 900_000)
    """Pauses before a parked car is offered its least again; the last one repeats."""

    offer_ms: int = 30_000
    """It is offered that for so long."""

    run_least_ms: int = 900_000
    """A car that others wait for runs for at least so long."""

    pause_least_ms: int = 300_000
    """A car waits for at least so long before another one is paused for it."""

    probe_ms: int = 60_000
    """A maximum lowered by a REST client is probed upwards from so long after it was lowered."""


LAW = Timings()
