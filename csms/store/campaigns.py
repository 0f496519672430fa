"""Firmware campaigns to look at: one, or the newest first, a page at a time; each question is a short transaction."""

from sqlalchemy import ColumnElement, Connection, and_, or_, select

from csms.core.ids import CampaignId
from csms.core.records import CampaignStored
from csms.ports import CampaignPosition
from csms.store.codec import read_row
from csms.store.schema import campaign
from csms.store.values import integer, text


def read_campaign(connection: Connection, station_id: str, campaign_id: CampaignId) -> CampaignStored | None:
    """Return a campaign, or None when there never was one of that id; raise CorruptRowError."""
    wanted = and_(campaign.c.station_id == station_id, campaign.c.campaign_id == text(campaign_id))
    row = connection.execute(select(campaign).where(wanted)).mappings().first()
    return None if row is None else read_row(CampaignStored, campaign.name, campaign_id, row)


def read_campaigns(
    connection: Connection, station_id: str, before: CampaignPosition | None, campaigns_max: int
) -> tuple[CampaignStored, ...]:
    """Return campaigns, newest first, from the one before a position on; raise CorruptRowError."""
    asked_ms, key = campaign.c.asked_ms, campaign.c.campaign_id
    wanted: list[ColumnElement[bool]] = [campaign.c.station_id == station_id]
    if before is not None:
        at_ms = integer(before.asked_ms)
        wanted.append(or_(asked_ms < at_ms, and_(asked_ms == at_ms, key < text(before.campaign_id))))
    rows = select(campaign).where(*wanted).order_by(asked_ms.desc(), key.desc()).limit(campaigns_max)
    found = connection.execute(rows).mappings()
    return tuple(read_row(CampaignStored, campaign.name, row["campaign_id"], row) for row in found)
