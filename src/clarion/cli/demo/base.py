"""A device base as a company of the field has it: generated alike every time, written as files for import.

Languages and countries lean to France; some people said no to notifications, some devices have no token, some have
not been opened for months. Values are drawn in blocks, column by column, which makes a hundred thousand devices a few
seconds' work; a larger base begins with the devices of a smaller one.
"""

import base64
from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import islice
from pathlib import Path
from random import Random

from msgspec import Struct

from clarion.apps.model import Platform
from clarion.base import clock

SHARES = {Platform.ANDROID: 50, Platform.IOS: 30, Platform.WEB: 20}
"""How a hundred devices are split over the applications."""

_WITHOUT_TOKEN = 0.04
_OPTED_OUT = 0.09
_YEARS = 2
_BLOCK = 1000


class Subscription(Struct, frozen=True):
    """A Web Push subscription of the stub."""

    endpoint: str
    p256dh: str
    auth: str


class _Place(Struct, frozen=True):
    """Where devices are: language, country, zone, a city's position, and how many of them."""

    language: str
    country: str
    zone: str
    lat: float
    lon: float
    weight: int


_PLACES = (
    _Place("fr", "FR", "Europe/Paris", 48.857, 2.352, 38),
    _Place("fr", "BE", "Europe/Brussels", 50.847, 4.352, 6),
    _Place("fr-CA", "CA", "America/Toronto", 45.502, -73.567, 4),
    _Place("en", "GB", "Europe/London", 51.507, -0.128, 13),
    _Place("en", "IE", "Europe/Dublin", 53.350, -6.260, 4),
    _Place("en-US", "US", "America/New_York", 40.713, -74.006, 6),
    _Place("de", "DE", "Europe/Berlin", 52.520, 13.405, 11),
    _Place("es", "ES", "Europe/Madrid", 40.417, -3.704, 8),
    _Place("it", "IT", "Europe/Rome", 41.903, 12.496, 5),
    _Place("nl", "NL", "Europe/Amsterdam", 52.368, 4.904, 3),
    _Place("pt", "PT", "Europe/Lisbon", 38.722, -9.139, 2),
)
_MODELS: dict[Platform, tuple[tuple[str, str], ...]] = {
    Platform.ANDROID: (
        ("Pixel 9", "16"),
        ("Pixel 8a", "15"),
        ("Galaxy S25", "15"),
        ("Galaxy A55", "14"),
        ("Redmi Note 13", "14"),
        ("OnePlus 12", "15"),
    ),
    Platform.IOS: (
        ("iPhone17,1", "19.1"),
        ("iPhone16,2", "18.5"),
        ("iPhone15,4", "18.3"),
        ("iPhone14,5", "17.7"),
        ("iPad14,3", "18.5"),
    ),
    Platform.WEB: (("Chrome", "141"), ("Firefox", "144"), ("Edge", "141"), ("Safari", "19")),
}
_VERSIONS = ("5.2.0", "5.1.3", "5.1.0", "4.9.8", "4.6.2")
# fmt: off
_NAMES = (
    "Camille", "Louis", "Chloé", "Hugo", "Inès", "Jules", "Léa", "Nathan", "Manon", "Emma",
    "Oliver", "Amelia", "Noah", "Isla", "Arthur", "Grace", "Felix", "Hannah", "Jonas", "Mia",
    "Lucía", "Mateo", "Sofia", "Leonardo", "Giulia", "Daan", "Sanne", "Inês", "Tiago", "Zoé",
)
# fmt: on

HEADER = (
    "UDID;token;language;countryCode;time_zone;lat;lon;model;version;sw_version;versionsdk;bundleversion;opencount;"
    "firstopen;lastopen;system_optin_notifs;enabled_notifs;first_name;customer_id;points;basket;birthday;vip"
)


def split(devices: int) -> dict[Platform, int]:
    """How many devices each application gets; together `devices`."""
    counts = {platform: devices * share // 100 for platform, share in SHARES.items()}
    counts[Platform.ANDROID] += devices - sum(counts.values())
    return counts


def write(path: Path, platform: Platform, count: int, subscriptions: Sequence[Subscription] = ()) -> None:
    """Write `count` devices as a CSV file. A web application needs as many subscriptions as devices."""
    web = platform is Platform.WEB
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(HEADER + (";p256dh;auth" if web else "") + "\n")
        days = _days()
        for start in range(0, count, _BLOCK):
            lines = _block(platform, start, days, subscriptions[start : start + _BLOCK])
            file.write("".join([f"{line}\n" for line in islice(lines, count - start)]))


def _block(platform: Platform, start: int, days: Sequence[str], subscriptions: Sequence[Subscription]) -> Iterator[str]:
    """The lines of a block, fewer when there are fewer subscriptions."""
    rng = Random(f"{platform.value}:{start}")  # noqa: S311 - the same base every time
    size = _BLOCK
    places = rng.choices(_PLACES, [place.weight for place in _PLACES], k=size)
    models = rng.choices(_MODELS[platform], k=size)
    tokens = [subscription.endpoint for subscription in subscriptions] or _tokens(platform, rng, size)
    has_token = [rng.random() >= _WITHOUT_TOKEN for _ in range(size)]
    first, last = _openings(rng, size, days)
    columns: list[Sequence[object]] = [
        [_udid(rng) for _ in range(size)],
        [token if there else "" for token, there in zip(tokens, has_token, strict=False)],
        [place.language for place in places],
        [place.country for place in places],
        [place.zone for place in places],
        [f"{place.lat + rng.gauss(0, 0.4):.5f}" for place in places],
        [f"{place.lon + rng.gauss(0, 0.4):.5f}" for place in places],
        [model for model, _ in models],
        [version for _, version in models],
        ["b3.4.0" if platform is Platform.WEB else "4.1.0"] * size,
        ["4.1.0"] * size,
        rng.choices(_VERSIONS, (40, 25, 18, 12, 5), k=size),
        [int(rng.expovariate(0.05)) + 1 for _ in range(size)],
        first,
        last,
        ["N" if rng.random() < _OPTED_OUT else "Y" for _ in range(size)],
        ["Y"] * size,
        rng.choices(_NAMES, k=size),
        [f"C{start + n:07d}" for n in range(size)],
        [rng.randrange(0, 5000, 10) for _ in range(size)],
        [f"{rng.lognormvariate(3.4, 0.7):.2f}" for _ in range(size)],
        [f"{rng.randrange(1955, 2008)}-{rng.randrange(1, 13):02d}-{rng.randrange(1, 29):02d}" for _ in range(size)],
        ["Y" if rng.random() < 0.06 else "N" for _ in range(size)],
    ]
    if platform is Platform.WEB:
        keys = list(zip(subscriptions, has_token, strict=False))
        columns.append([subscription.p256dh if there else "" for subscription, there in keys])
        columns.append([subscription.auth if there else "" for subscription, there in keys])
    return (";".join(map(str, fields)) for fields in zip(*columns, strict=False))


def _udid(rng: Random) -> str:
    digits = f"{rng.getrandbits(128):032X}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _tokens(platform: Platform, rng: Random, size: int) -> list[str]:
    if platform is Platform.IOS:
        return [rng.randbytes(32).hex() for _ in range(size)]
    texts = (base64.urlsafe_b64encode(rng.randbytes(114)).decode() for _ in range(size))
    return [f"{text[:22]}:APA91b{text[22:150]}" for text in texts]


def _days() -> list[str]:
    """Dates by how many days they lie back."""
    today = clock.now()
    return [f"{today - timedelta(days=ago):%Y-%m-%d}" for ago in range(365 * _YEARS + 1)]


def _openings(rng: Random, size: int, days: Sequence[str]) -> tuple[list[str], list[str]]:
    """First and last opening; most devices were opened in the last weeks, a few not for months."""
    ages = [min(int(rng.expovariate(1 / 45)) + 1, 365 * _YEARS) for _ in range(size)]
    older = [min(age + rng.randrange(400), 365 * _YEARS) for age in ages]
    hours = [f"{rng.randrange(24):02d}:{rng.randrange(60):02d}:{rng.randrange(60):02d}" for _ in range(100)]
    return (
        [f"{days[age]} {hour}" for age, hour in zip(older, rng.choices(hours, k=size), strict=True)],
        [f"{days[age]} {hour}" for age, hour in zip(ages, rng.choices(hours, k=size), strict=True)],
    )
