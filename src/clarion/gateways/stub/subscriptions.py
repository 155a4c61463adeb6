"""Web Push subscriptions derived from the stub's seed: a million of them need no storage, and all can be decrypted.

Subscription number n lies in block n // 1024. A block's base scalar comes from HKDF over (seed, block); the private
scalar of n is base + n % 1024. So the public keys of a block are one elliptic curve multiplication and 1,023 additions
of known points, whose field inversions are shared (Montgomery's trick): a few microseconds a key instead of sixty.
`auth` and the tag in the endpoint come from HKDF over (seed, n). Keys that are related like this are for a stub only.
"""

import hmac
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from cryptography.hazmat.primitives.asymmetric import ec
from msgspec import Struct

from clarion.gateways.stub.tokens import base64url

Point = tuple[int, int]

_BLOCK = 1024
_LIMIT = 1 << 40
_CACHED_KEYS = 50_000
_CURVE = ec.SECP256R1()
_P = 2**256 - 2**224 + 2**192 + 2**96 - 1
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_G: Point = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)


class Subscription(Struct, frozen=True):
    """What a browser's `PushSubscription.toJSON()` holds: endpoint URL, `p256dh` and `auth` as base64url."""

    endpoint: str
    p256dh: str
    auth: str


class SubscriptionKeys:
    """Key material of every subscription of one seed."""

    def __init__(self, seed: bytes) -> None:
        self._prk = hmac.digest(b"clarion stub subscriptions", seed, "sha256")
        self._private: dict[int, tuple[ec.EllipticCurvePrivateKey, bytes]] = {}

    def name(self, number: int) -> str:
        """The last segment of the endpoint: the number and a tag only the stub can compute."""
        return f"{number}-{self._auth_and_tag(number)[1]}"

    def auth_of(self, name: bytes) -> tuple[int, bytes] | None:
        """(number, auth secret) of the subscription an endpoint names, or None when there is no such subscription."""
        digits, _, tag = name.partition(b"-")
        if not digits.isdigit() or len(digits) > 13:
            return None
        number = int(digits)
        auth, expected = self._auth_and_tag(number)
        return (number, auth) if tag == expected.encode() and number < _LIMIT else None

    def private(self, number: int) -> tuple[ec.EllipticCurvePrivateKey, bytes]:
        """(private key, public key as 65 bytes), the most recent ones kept ready."""
        known = self._private.get(number)
        if known is not None:
            return known
        key = ec.derive_private_key(self._base(number // _BLOCK) + number % _BLOCK, _CURVE)
        numbers = key.public_key().public_numbers()
        if len(self._private) >= _CACHED_KEYS:
            self._private.clear()
        self._private[number] = (key, _encode((numbers.x, numbers.y)))
        return self._private[number]

    def public(self, start: int, count: int) -> Iterator[bytes]:
        """The public keys (65 bytes each) of `count` subscriptions from number `start`."""
        number, end = start, start + count
        while number < end:
            block, first = divmod(number, _BLOCK)
            last = min(_BLOCK, first + end - number)
            numbers = ec.derive_private_key(self._base(block), _CURVE).public_key().public_numbers()
            base = (numbers.x, numbers.y)
            if first == 0:
                yield _encode(base)
            yield from map(_encode, _add_to_each(base, _multiples()[max(first, 1) : last]))
            number += last - first

    def subscriptions(self, origin: str, start: int, count: int) -> Iterator[Subscription]:
        """`count` subscriptions from number `start` at the stub whose URL is `origin` (`https://host:port`)."""
        for number, public in enumerate(self.public(start, count), start):
            auth, tag = self._auth_and_tag(number)
            yield Subscription(f"{origin}/wp/{number}-{tag}", base64url(public), base64url(auth))

    def _base(self, block: int) -> int:
        derived = hmac.digest(self._prk, b"block %d\x01" % block, "sha256")
        return int.from_bytes(derived, "big") % (_ORDER - _BLOCK) + 1

    def _auth_and_tag(self, number: int) -> tuple[bytes, str]:
        derived = hmac.digest(self._prk, b"auth %d\x01" % number, "sha256")
        return derived[:16], derived[16:20].hex()


def derive_subscriptions(seed: bytes, origin: str, start: int, count: int) -> Iterator[Subscription]:
    """The subscriptions `POST /stub/subscriptions` would give, without the stub: for loading devices in bulk.

    `seed` is `StubServer.seed`, `origin` its `url`.
    """
    return SubscriptionKeys(seed).subscriptions(origin, start, count)


def _encode(point: Point) -> bytes:
    return b"\x04" + point[0].to_bytes(32, "big") + point[1].to_bytes(32, "big")


_table: list[Point] = []


def _multiples() -> Sequence[Point]:
    """Element j is j times the generator, for 0 < j < 1024 (element 0 is the generator too, and never used)."""
    if not _table:
        numbers = ec.derive_private_key(2, _CURVE).public_key().public_numbers()
        known: list[Point] = [_G, (numbers.x, numbers.y)]
        while len(known) < _BLOCK - 1:
            top = ec.derive_private_key(len(known), _CURVE).public_key().public_numbers()
            # The last known multiple itself is left out: adding a point to itself has another formula.
            known += _add_to_each((top.x, top.y), islice(known, 0, len(known) - 1))
            double = ec.derive_private_key(len(known) + 1, _CURVE).public_key().public_numbers()
            known.append((double.x, double.y))
        _table.extend([_G, *known[: _BLOCK - 1]])
    return _table


def _add_to_each(base: Point, points: Iterable[Point]) -> list[Point]:
    """base + point for each point, in affine coordinates, with a single modular inversion for all."""
    points = list(points)
    x0, y0 = base
    running, prefix = 1, []
    for x, _ in points:
        prefix.append(running)
        running = running * (x - x0) % _P
    inverse = pow(running, -1, _P)
    sums: list[Point] = [(0, 0)] * len(points)
    for i in range(len(points) - 1, -1, -1):
        x, y = points[i]
        slope = (y - y0) * inverse * prefix[i] % _P
        inverse = inverse * (x - x0) % _P
        x3 = (slope * slope - x0 - x) % _P
        sums[i] = (x3, (slope * (x0 - x3) - y0) % _P)
    return sums
