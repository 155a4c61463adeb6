"""The campaign: messages in two languages with buttons for each application, sent and watched to the last outcome."""

import asyncio
from datetime import datetime

from msgspec import Struct

from clarion.apps.model import App, Platform
from clarion.base.errors import ClarionError
from clarion.cli.demo.company import BUTTON_TEMPLATE, COLLAPSE_KEY, PARTNER_IDS, Company
from clarion.cli.demo.screen import SendScreen
from clarion.cli.demo.stage import Stage
from clarion.cli.running import memory_of, running_of
from clarion.client.v1 import V1Client
from clarion.client.v1.models import Button, Buttons, Campaign, Message, PlatformMessage, Segments, WebButton
from clarion.db.pool import Database
from clarion.db.sql import Conn
from clarion.results.model import Counts
from clarion.sending import service as sending
from clarion.sending.model import Send, SendState

_LOOK_EVERY = 0.2

_TEXTS = {
    "fr": {
        "title": "Le printemps est là",
        "text": "Bonjour ${first_name}, vos ${points} points valent double cette semaine.",
        "open": "Voir les offres",
        "later": "Plus tard",
    },
    "": {
        "title": "Spring is here",
        "text": "Hello ${first_name}, your ${points} points count twice this week.",
        "open": "See the offers",
        "later": "Later",
    },
}
_OFFERS = "https://shop.example/offers"


class Launched(Struct, frozen=True):
    """A message that was told to be sent."""

    app: App
    message_id: int


class Ended(Struct, frozen=True):
    """A send with its last sums."""

    app: App
    message_id: int
    send_id: int
    state: SendState
    audience: int
    counts: Counts
    reasons: dict[str, int]
    created_at: datetime
    closed_at: datetime

    @property
    def exact(self) -> bool:
        """Whether every device of the frozen audience has come to exactly one end."""
        return self.audience == self.counts.total

    @property
    def handed_over(self) -> int:
        """Notifications the gateway judged."""
        return self.counts.delivered + self.counts.refused


class Memory(Struct):
    """Resident bytes of the sender: before the sends, the highest seen (by the kernel's mark), and after them."""

    start: int = 0
    peak: int = 0
    end: int = 0


async def create(v1: V1Client, company: Company, name: str) -> dict[Platform, int]:
    """A campaign with one message in each application, over v1; the ids of the messages."""
    made = {}
    for platform, partner_id in PARTNER_IDS.items():
        campaign = await v1.create_campaign(partner_id, Campaign(name=name, description="Made by clarion demo"))
        message = Message(
            name=name,
            campaign_id=campaign.id,
            segments=Segments(campaign_segments=[company.segments[platform]]),
            messages=[_version(platform, language) for language in _TEXTS],
        )
        made[platform] = (await v1.create_message(partner_id, message)).id
    return made


async def launch(v1: V1Client, company: Company, messages: dict[Platform, int]) -> list[Launched]:
    """Send the messages, over v1. The answers come at once; what follows runs in the sender."""
    launched = []
    for platform, message_id in messages.items():
        await v1.send_message(PARTNER_IDS[platform], message_id)
        launched.append(Launched(company.apps[platform], message_id))
    return launched


def _version(platform: Platform, language: str) -> PlatformMessage:
    words = _TEXTS[language]
    version = PlatformMessage(title=words["title"], text=words["text"], language=language or None)
    if platform is Platform.WEB:
        version.url = _OFFERS
        version.buttons = [
            WebButton(id="1", title=words["open"], url=_OFFERS),
            WebButton(id="2", title=words["later"]),
        ]
        return version
    choices = [Button(id="1", action="webview", url=_OFFERS), Button(id="2", action="close")]
    if platform is Platform.ANDROID:
        choices[0].title, choices[1].title = words["open"], words["later"]
    version.collapse_key = COLLAPSE_KEY
    version.interactive_buttons = Buttons(template=BUTTON_TEMPLATE, buttons=choices)
    return version


async def watch(
    stage: Stage, db: Database, launched: list[Launched], screen: SendScreen, memory: Memory
) -> list[Ended]:
    """Follow the sends until each has closed."""
    while True:
        ended = []
        for each in launched:
            async with db.connection() as conn:
                send = await _send_of(conn, each)
                progress = await sending.progress(conn, each.app.id, send.id)
            screen.show(each.app.partner_id, progress)
            if send.closed_at is not None:
                ended.append(
                    Ended(
                        app=each.app,
                        message_id=each.message_id,
                        send_id=send.id,
                        state=progress.state,
                        audience=progress.audience or 0,
                        counts=progress.counts,
                        reasons=progress.reasons,
                        created_at=send.created_at,
                        closed_at=send.closed_at,
                    )
                )
        sample(stage, memory)
        if len(ended) == len(launched):
            return ended
        await asyncio.sleep(_LOOK_EVERY)


async def _send_of(conn: Conn, launched: Launched) -> Send:
    for send in await sending.latest(conn, launched.app.id):
        if send.message_id == launched.message_id:
            return send
    raise ClarionError(f"Message {launched.message_id} of {launched.app.partner_id} has no send.")


def sample(stage: Stage, memory: Memory) -> None:
    """Take note of the sender's memory, where the system tells it."""
    running = running_of(stage.settings)
    found = memory_of(running.pids.get("sender-1", 0)) if running else None
    if found:
        now, highest = found
        memory.start = memory.start or now
        memory.peak = max(memory.peak, highest)
        memory.end = now
