"""What a charger and we said to each other is kept in the order of the wire, dirt among it."""

from csms.core.ids import ChargerId
from csms.runtime.messages import payload_of
from tests.contract.gateway_world import STAMP, gateway

DIRT = '{"not": "a frame"'


async def test_frames_are_kept_in_order_dirt_as_it_came() -> None:
    async with gateway() as world, world.client() as client:
        await client.socket.send(DIRT)
        await client.send(2, "last", "Heartbeat", {})
        while await client.receive() != [3, "last", {"currentTime": STAMP}]:
            pass
        frames = world.messages.frames_of(ChargerId("CP001"))
    received = [frame for frame in frames if frame.direction == "received"]
    assert received[0].text == DIRT
    assert payload_of(received[0]) is None
    assert payload_of(received[1]) == [2, "last", "Heartbeat", {}]
    assert frames[-1].direction == "sent"
    assert payload_of(frames[-1]) == [3, "last", {"currentTime": STAMP}]
