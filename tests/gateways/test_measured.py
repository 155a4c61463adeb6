"""A measured gateway changes nothing, and counts what was handed over, how long it took and what has to go again."""

import pytest

from clarion.gateways import measured
from clarion.gateways.measured import BOOKS, FOLLOWED, Book, MeasuredGateway, note_again
from clarion.gateways.seam import Done, Fate, Notification, Verdict
from clarion.gateways.words import OTHER, WORDS, word_of

NOTE = Notification("t", b"{}", b"0" * 16, 0)


class Holding:
    """Keeps what it is handed until it is told to answer."""

    streams = (3, 10)
    room = 7

    def __init__(self) -> None:
        self.waiting: list[Done] = []

    def send(self, notification: Notification, done: Done) -> None:
        self.waiting.append(done)

    async def wait_room(self) -> None:
        return

    async def aclose(self, drain: float = 5.0) -> None:
        return


@pytest.fixture
def book(monkeypatch: pytest.MonkeyPatch) -> Book:
    monkeypatch.setitem(BOOKS, "apns", Book("apns"))
    return BOOKS["apns"]


def test_every_answer_reaches_its_caller_and_every_hand_over_is_counted(book: Book) -> None:
    inner = Holding()
    gateway = MeasuredGateway("apns", inner)
    got: list[tuple[int, Verdict]] = []
    for number in range(1000):
        gateway.send(NOTE, lambda verdict, number=number: got.append((number, verdict)))  # type: ignore[misc]
    verdicts = [Verdict(Fate.DELIVERED, str(number)) for number in range(1000)]
    for done, verdict in zip(inner.waiting, verdicts, strict=True):
        done(verdict)
    assert got == list(enumerate(verdicts))
    assert book.handed == 1000


def test_few_under_way_are_all_timed_and_of_many_one_in_sixteen(book: Book) -> None:
    inner = Holding()
    gateway = MeasuredGateway("apns", inner)
    for _ in range(20):
        gateway.send(NOTE, lambda _: None)
        inner.waiting.pop()(Verdict(Fate.DELIVERED))
    assert sum(book.buckets) == 20
    for _ in range(FOLLOWED + 1600):
        gateway.send(NOTE, lambda _: None)
    for done in inner.waiting:
        done(Verdict(Fate.DELIVERED))
    assert sum(book.buckets) == 20 + FOLLOWED + 100


async def test_figures_outlive_a_gateway_and_streams_do_not(book: Book) -> None:
    gateway = MeasuredGateway("apns", Holding())
    gateway.send(NOTE, lambda _: None)
    note_again(gateway, Verdict(Fate.RETRY, "TooManyRequests"))
    note_again(gateway, Verdict(Fate.UNKNOWN, "host: the connection was lost"))

    def shown(name: str) -> dict[tuple[str, ...], float]:
        return {
            tuple(labels.values()): value
            for family in measured.families()
            for each, labels, value in family.samples
            if each == name and labels["gateway"] == "apns"
        }

    assert shown("clarion_gateway_streams") == {("apns", "open"): 3, ("apns", "allowed"): 10}
    await gateway.aclose()
    assert shown("clarion_gateway_streams") == {("apns", "open"): 0, ("apns", "allowed"): 0}
    assert shown("clarion_gateway_handed_over_total") == {("apns",): 1}
    assert shown("clarion_gateway_again_total") == {
        ("apns", "retry", "TooManyRequests"): 1,
        ("apns", "unknown", OTHER): 1,
    }


@pytest.mark.parametrize(
    ("kind", "reason", "word"),
    [
        ("apns", "BadDeviceToken", "BadDeviceToken"),
        ("apns", "BadDeviceToken: it is not hexadecimal", "BadDeviceToken"),
        ("fcm", "INVALID_ARGUMENT: the registration token is not valid", "INVALID_ARGUMENT"),
        ("webpush", "Gone: HTTP 410", "Gone"),
        ("fcm", "HTTP 502", "HTTP 5xx"),
        ("apns", "InventedWord", OTHER),
        ("apns", "api.push.apple.com: no answer", OTHER),
        ("none", "BadDeviceToken", OTHER),
        ("apns", "", OTHER),
    ],
)
def test_words_are_a_closed_list(kind: str, reason: str, word: str) -> None:
    """A label that an answer could choose freely would let a gateway fill the memory of whoever scrapes."""
    assert word_of(kind, reason) == word
    assert set(WORDS) == {"apns", "fcm", "webpush"}
