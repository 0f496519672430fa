"""What a charger and we said to each other is kept in the order of the wire, dirt among it."""

from csms.core.ids import ChargerId
from csms.runtime.redaction import shown
from tests.contract.gateway_world import STAMP, gateway

DIRT = '{"not": "a frame"'


async def test_frames_are_kept_in_order_dirt_as_it_came() -> None:
    async with gateway() as world, world.client() as client:
        await client.socket.send(DIRT)
        await client.send(2, "last", "Heartbeat", {})
        while await client.receive() != [3, "last", {"currentTime": STAMP}]:
            pass
        frames = world.messages.frames_of(ChargerId("CP001"))
    first, *_, last = shown(frames)
    received = [each for each in shown(frames) if each.direction == "received"]
    assert (first.direction, first.text) == ("received", DIRT)
    assert received[1].elements == [2, "last", "Heartbeat", {}]
    assert (last.direction, last.action, last.elements) == ("sent", "Heartbeat", [3, "last", {"currentTime": STAMP}])
