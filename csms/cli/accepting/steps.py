"""The steps of the acceptance test, in their order."""

from csms.cli.accepting.first_steps import charging, clock, connection, fail_safe, identity, meter
from csms.cli.accepting.limit_steps import form, pause, resume, staircase
from csms.cli.accepting.machine import Step
from csms.cli.accepting.outage_steps import network, offline, restart

STEPS = (
    Step("connection", "Connection", "It is connected, under the id that is configured.", connection),
    Step(
        "identity",
        "Identity",
        "It says who it is (BootNotification), and is the only one with this id.",
        identity,
        ("connection",),
    ),
    Step(
        "fail_safe",
        "Fail-safe limit",
        "A fail-safe limit of ours is in force, and nothing foreign is above it.",
        fail_safe,
        ("connection",),
    ),
    Step(
        "charging",
        "A car charges",
        "A transaction runs at the connector and its meter tells power.",
        charging,
        ("connection",),
    ),
    Step(
        "clock",
        "Clock",
        "The time stamps of its newest messages are at most 30 s from the server's clock.",
        clock,
        ("connection",),
    ),
    Step(
        "meter",
        "Meter",
        "Readings come in the configured period, at least once a minute, and power and energy say the same.",
        meter,
        ("charging",),
    ),
    Step(
        "staircase",
        "Limits, stair by stair",
        "The car keeps to each limit down to the least (6 A), seen in three readings in a row, and soon.",
        staircase,
        ("charging",),
    ),
    Step("pause", "Limit 0", "Told 0, nothing flows: no other power was left.", pause, ("charging",)),
    Step("resume", "Resume from 0", "Told power again, the car draws again within two minutes.", resume, ("pause",)),
    Step(
        "form",
        "Form of limits",
        "In which unit, purpose and on how many phases limits work; each was answered within 10 s.",
        form,
        ("staircase",),
    ),
    Step(
        "network",
        "Network plug pulled",
        "The connection is seen to go and to come back; transaction, limit and energy are as if nothing had been.",
        network,
        ("staircase",),
    ),
    Step(
        "restart",
        "Server restarted",
        "After a restart of the server the same transaction runs on at the same limit.",
        restart,
        ("staircase",),
    ),
    Step(
        "offline",
        "A charge while offline",
        "A car that came and went without the network, after a power cut, is told once, from the register left.",
        offline,
        ("connection",),
    ),
)
NAMES = tuple(step.name for step in STEPS)
