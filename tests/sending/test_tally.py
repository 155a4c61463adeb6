"""What a sender counts is what stands in the ledger, to the unit."""

from collections import Counter

import pytest

from clarion.assembly.figures import Figures
from clarion.base import metrics
from clarion.base.sealing import Sealer
from clarion.content.model import Guarantee
from clarion.db.pool import Database
from clarion.gateways.measured import MeasuredGateway
from clarion.gateways.seam import Fate, Notification, Verdict
from clarion.gateways.stub import StubServer
from clarion.results.model import Outcome
from clarion.sending.tally import Tally
from tests.sending.journey import Journey
from tests.sending.scripted import ScriptedGateway

Labels = tuple[tuple[str, str], ...]


def counted(name: str, **labels: str) -> Counter[Labels]:
    """The samples of a metric with these labels, by their other labels."""
    found: Counter[Labels] = Counter()
    for family in metrics.collected():
        for each, given, value in family.samples:
            if each == name and labels.items() <= given.items():
                found[tuple(sorted((key, text) for key, text in given.items() if key not in labels))] += int(value)
    return found


def ended() -> Counter[Labels]:
    return counted("clarion_notifications_total", gateway="apns")


def of(outcome: str, reason: str = "") -> Labels:
    return (("outcome", outcome), ("reason", reason))


async def test_a_send_through_the_stub_is_counted_as_the_ledger_has_it(
    database: Database, sealer: Sealer, stub: StubServer
) -> None:
    journey = await Journey.begin(database, sealer)
    await journey.connect(stub)
    await journey.add_devices(120)
    await journey.add_devices(7, 200, system_optin_notifs=False)
    everyone = await journey.segment("Everyone", {"all": []})
    stub.set_knobs({"apns": {"refuse": {"Unregistered": 0.1, "PayloadTooLarge": 0.1}}})
    before, claimed = ended(), counted("clarion_notifications_claimed_total", gateway="apns")
    handed = counted("clarion_gateway_handed_over_total", gateway="apns")
    send = await journey.send(await journey.message(campaign_segments=[everyone.id]))
    progress = await journey.run(send)
    grown = ended() - before
    ledger = Counter(outcome for chunk in await journey.chunks(send) for outcome in chunk.outcomes)
    assert progress.audience == sum(grown.values()) == sum(ledger.values()) == 127
    assert grown[of("delivered")] == ledger[Outcome.DELIVERED]
    assert grown[of("suppressed", "opt_out")] == ledger[Outcome.SUPPRESSED_OPT_OUT] == 7
    assert grown[of("dead_token", "Unregistered")] == ledger[Outcome.REFUSED_DEAD] > 0
    assert grown[of("refused", "PayloadTooLarge")] == ledger[Outcome.REFUSED] > 0
    assert (counted("clarion_notifications_claimed_total", gateway="apns") - claimed).total() == 127
    assert (counted("clarion_gateway_handed_over_total", gateway="apns") - handed).total() == 120

    figures = Figures(database.conninfo)
    try:
        kept = {
            (name, *labels.values()): value
            for family in await figures.families()
            for name, labels, value in family.samples
        }
    finally:
        await figures.aclose()
    assert kept["clarion_database_up",] == 1
    assert kept["clarion_sends_total", "real"] == 1
    assert kept["clarion_sends_open", "real"] == 0
    assert kept["clarion_ledger_planned_total", "real"] == 127
    assert kept["clarion_ledger_devices_total", "real", "delivered"] == progress.counts.delivered
    assert kept["clarion_ledger_devices_total", "real", "refused"] == progress.counts.refused
    assert kept["clarion_ledger_devices_total", "real", "suppressed"] == 7


async def test_what_is_sent_again_without_an_answer_is_counted_as_a_possible_double(
    database: Database, sealer: Sealer, stub: StubServer
) -> None:
    journey = await Journey.begin(database, sealer)
    await journey.connect(stub)
    await journey.add_devices(10)
    lost: set[str] = set()

    def judge(notification: Notification) -> Verdict:
        if len(lost) < 4 and notification.token not in lost:
            lost.add(notification.token)
            return Verdict(Fate.UNKNOWN, "no answer")
        return Verdict(Fate.DELIVERED)

    before, again = counted("clarion_doubles_risked_total"), counted("clarion_gateway_again_total")
    scripted = ScriptedGateway(judge)
    sender = journey.sender(opener=lambda _: MeasuredGateway("apns", scripted))
    send = await journey.send(await journey.message())
    assert (await journey.run(send, sender)).counts.delivered == 10
    assert (counted("clarion_doubles_risked_total") - before) == {(("cause", "no_answer"), ("gateway", "apns")): 4}
    assert (counted("clarion_gateway_again_total") - again).total() == 4
    assert sum(scripted.taken.values()) - 10 == 4


async def test_the_ledger_counts_a_send_that_is_under_way(database: Database, sealer: Sealer, stub: StubServer) -> None:
    """Open chunks count with what is recorded of them, and nothing counts twice when a chunk closes."""
    journey = await Journey.begin(database, sealer)
    await journey.add_devices(30)
    await journey.send(await journey.message(guarantee=Guarantee.AT_MOST_ONCE))
    figures = Figures(database.conninfo)
    try:
        shown = {family.name: family for family in await figures.families()}
    finally:
        await figures.aclose()
    [(_, _, opened)] = [each for each in shown["clarion_sends_open"].samples if each[1] == {"kind": "real"}]
    [(_, _, jobs)] = [each for each in shown["clarion_queue_jobs"].samples if each[1]["state"] == "due"]
    assert (opened, jobs) == (1, 1)
    assert sum(value for _, _, value in shown["clarion_ledger_devices"].samples) == 0


async def test_a_database_that_is_away_shows_as_such() -> None:
    figures = Figures("postgresql://nobody@127.0.0.1:9/none")
    [family] = await figures.families()
    assert (family.name, family.samples[0][2]) == ("clarion_database_up", 0.0)
    await figures.aclose()


@pytest.mark.parametrize(("died", "begun", "once", "doubles"), [
    (True, True, False, 3), (False, True, False, 0), (True, False, False, 0), (True, True, True, 0),
])  # fmt: skip
def test_devices_open_in_a_chunk_whose_sender_died_may_get_a_double(
    died: bool, begun: bool, once: bool, doubles: int
) -> None:
    before = counted("clarion_doubles_risked_total", cause="restart")
    Tally("fcm", bytes([0, 2, 0, 0]), {}).claimed(at_most_once=once, begun=begun, died=died)
    assert (counted("clarion_doubles_risked_total", cause="restart") - before).total() == doubles


def test_refusals_add_up_whatever_their_reasons_say() -> None:
    """The ledger keeps a bounded number of reasons; what has no known word there is `other`."""
    before = ended()
    tally = Tally("apns", bytes(8), {})
    reasons = {"dead: Unregistered": 1, "dead: new": 1, "PayloadTooLarge": 1, "no_gateway: lost": 1, "expired": 1}
    outcomes = bytes([4, 4, 3, 3, 3, 10, 13, 2])
    tally.recorded(outcomes, {**reasons, "suppressed: quiet": 1}, 0)
    tally.recorded(outcomes, {**reasons, "suppressed: quiet": 1}, 0)
    assert ended() - before == {
        of("dead_token", "Unregistered"): 1,
        of("dead_token", "other"): 1,
        of("refused", "PayloadTooLarge"): 1,
        of("refused", "no_gateway"): 1,
        of("refused", "other"): 1,
        of("expired"): 1,
        of("suppressed", "quiet"): 1,
        of("delivered"): 1,
    }
