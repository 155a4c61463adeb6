"""Campaigns on the v1 wire (v1 rules 34 and 35)."""

from datetime import datetime
from functools import partial
from typing import Any

from msgspec import UNSET, Struct, UnsetType, convert

from clarion.api.contract.instants import parse_instant
from clarion.api.exchange import Response
from clarion.api.v1.call import Call, empty_answer, id_answer, json_answer
from clarion.api.v1.errors import spelled
from clarion.api.v1.pages import answer_page
from clarion.content import service as content
from clarion.content.model import Campaign, CampaignDraft
from clarion.db import retry
from clarion.db.sql import Conn

_NAMES = {"external_id": "externalId", "start_date": "startDate", "end_date": "endDate"}


class _Body(Struct, rename="camel"):
    name: str
    external_id: str | None = None
    description: str | None = None
    start_date: str | None = None
    end_date: str | None = None


class _Campaign(Struct, rename="camel"):
    id: int
    name: str
    external_id: str | UnsetType
    description: str | UnsetType
    start_date: datetime | UnsetType
    end_date: datetime | UnsetType


async def list_campaigns(call: Call) -> Response:
    """Campaigns by ascending id."""
    async with call.services.db.connection() as conn:
        return await answer_page(call, partial(content.list_campaigns, conn, call.app.id), _write)


async def create_campaign(call: Call) -> Response:
    """Create a campaign."""

    async def work(conn: Conn) -> int:
        return await content.create_campaign(conn, call.app.id, _read(call.body))

    with spelled(_NAMES):
        return id_answer(await retry.transact(call.services.db, work))


async def get_campaign(call: Call) -> Response:
    """One campaign."""
    async with call.services.db.connection() as conn:
        return json_answer(_write(await content.get_campaign(conn, call.app.id, call.path["campaignId"])))


async def update_campaign(call: Call) -> Response:
    """Replace a campaign."""
    campaign_id: int = call.path["campaignId"]

    async def work(conn: Conn) -> None:
        await content.update_campaign(conn, call.app.id, campaign_id, _read(call.body))

    with spelled(_NAMES):
        await retry.transact(call.services.db, work)
    return id_answer(campaign_id)


async def delete_campaign(call: Call) -> Response:
    """Delete a campaign for good."""

    async def work(conn: Conn) -> None:
        await content.delete_campaign(conn, call.app.id, call.path["campaignId"])

    await retry.transact(call.services.db, work)
    return empty_answer()


def _read(body: Any) -> CampaignDraft:
    wire = convert(body, _Body)
    return CampaignDraft(
        name=wire.name,
        external_id=wire.external_id,
        description=wire.description,
        start_date=_instant(wire.start_date),
        end_date=_instant(wire.end_date),
    )


def _instant(text: str | None) -> datetime | None:
    return None if text is None else parse_instant(text, lenient=True)


def _write(campaign: Campaign) -> _Campaign:
    draft = campaign.draft
    return _Campaign(
        id=campaign.id,
        name=draft.name,
        external_id=UNSET if draft.external_id is None else draft.external_id,
        description=UNSET if draft.description is None else draft.description,
        start_date=draft.start_date or UNSET,
        end_date=draft.end_date or UNSET,
    )
