"""Who a device is: registration, and the secret it proves itself with afterwards. Both work on sets."""

import re
import uuid
from collections.abc import Mapping, Sequence

from msgspec import structs

from clarion.apps.model import App
from clarion.base import secrets
from clarion.db.sql import Conn
from clarion.devices.model import TOKEN, DeviceRecord, Proven, Registered, Registration
from clarion.devices.store import identity
from clarion.devices.values import is_udid
from clarion.devices.writing import upsert

_ALL_BITS = 2**64 - 1
_DEVICE_OF_SECRET = re.compile(r"[0-9a-f]{16}")

_Profiles = Mapping[str, identity.Identity]


async def register(conn: Conn, app: App, wanted: Sequence[Registration]) -> list[Registered]:
    """Give devices their identities (v1 rule 70): the profile each proves to be, else a new one under a UDID made here.

    An application's key is public, so a UDID alone proves nothing once a profile has a secret. Proof is the profile's
    current secret, or the push token it holds; a profile that never had a secret (imported) goes by its UDID once.
    A UDID without proof, and one that nobody has, is answered with another one. A presented secret that holds is kept,
    so that a lost answer locks nobody out; any other proof replaces it.

    Registrations that name the same UDID, token or profile find what the earlier ones left.
    """
    asked = [_readable(each) for each in wanted]
    await identity.lock_registrations(
        conn, app.id, [each.udid for each in asked if each.udid], [each.token for each in asked if each.token]
    )
    answers: dict[int, Registered] = {}
    left = list(enumerate(asked))
    while left:
        wave, left = await _wave(conn, app.id, left)
        made = await _write(conn, app, [(each, found) for _, each, found in wave])
        answers.update(zip((number for number, _, _ in wave), made, strict=True))
    return [answers[number] for number in range(len(asked))]


def _readable(wanted: Registration) -> Registration:
    return wanted if wanted.udid is None or is_udid(wanted.udid) else structs.replace(wanted, udid=None)


async def _wave(
    conn: Conn, app_id: int, asked: Sequence[tuple[int, Registration]]
) -> tuple[list[tuple[int, Registration, identity.Identity | None]], list[tuple[int, Registration]]]:
    """Those who can be served at once, with the profile each proves to be, and those who come after one of them."""
    by_udid = await identity.by_udids(conn, app_id, [each.udid for _, each in asked if each.udid])
    by_token = await identity.by_tokens(conn, app_id, [each.token for _, each in asked if each.token])
    taken: set[object] = set()
    now: list[tuple[int, Registration, identity.Identity | None]] = []
    later: list[tuple[int, Registration]] = []
    for number, each in asked:
        found = _proven(each, by_udid, by_token)
        names = {
            *([("udid", each.udid)] if each.udid else []),
            *([("token", each.token)] if each.token else []),
            *([("profile", found.id)] if found else []),
        }
        if taken.isdisjoint(names):
            now.append((number, each, found))
        else:
            later.append((number, each))
        taken |= names
    return now, later


async def _write(
    conn: Conn, app: App, proven: Sequence[tuple[Registration, identity.Identity | None]]
) -> list[Registered]:
    """Write the profiles of distinct devices, and the secrets that are new."""
    records: list[DeviceRecord] = []
    for wanted, found in proven:
        udid = found.udid if found else str(uuid.uuid4()).upper()
        if wanted.token is None:
            records.append(DeviceRecord(udid, wanted.fields))
        else:
            records.append(DeviceRecord(udid, {**wanted.fields, TOKEN: wanted.token}, wanted.keys))
    numbers = await upsert(conn, app, records)
    made: list[Registered] = []
    fresh: dict[int, bytes] = {}
    for (wanted, found), record, number in zip(proven, records, numbers, strict=True):
        if number is None:
            raise RuntimeError(f"The fresh UDID {record.udid} has the id of another device.")
        secret = wanted.secret if found and wanted.secret and _opens(found, wanted.secret) else None
        if secret is None:
            secret = f"{number & _ALL_BITS:016x}.{secrets.new_token()}"
            fresh[number] = secrets.digest(secret)
        made.append(Registered(number, record.udid, secret, created=found is None))
    if fresh:
        await identity.set_secrets(conn, app.id, fresh)
    return made


def _proven(wanted: Registration, by_udid: _Profiles, by_token: _Profiles) -> identity.Identity | None:
    """The profile that a registration proves to be."""
    named = by_udid.get(wanted.udid) if wanted.udid else None
    if named and (named.secret_digest is None or (wanted.secret and _opens(named, wanted.secret))):
        return named
    return by_token.get(wanted.token) if wanted.token is not None else None


def _opens(profile: identity.Identity, secret: str) -> bool:
    expected = profile.secret_digest
    return expected is not None and secret.isascii() and secrets.same(expected, secrets.digest(secret))


async def authenticate(conn: Conn, app_id: int, presented: Sequence[str]) -> list[Proven | None]:
    """The device of each secret, None when it is nobody's. A secret names its device: no index is needed."""
    numbers = [_device_of(secret) for secret in presented]
    known = await identity.by_ids(conn, app_id, sorted({number for number in numbers if number is not None}))
    proven: list[Proven | None] = []
    for number, secret in zip(numbers, presented, strict=True):
        profile = known.get(number) if number is not None else None
        opens = profile is not None and _opens(profile, secret)
        proven.append(Proven(profile.id, profile.udid) if profile is not None and opens else None)
    return proven


def _device_of(secret: str) -> int | None:
    """The device that a secret names."""
    named, dot, _ = secret.partition(".")
    if not dot or not _DEVICE_OF_SECRET.fullmatch(named) or not secret.isascii():
        return None
    number = int(named, 16)
    return number - ((number >> 63) << 64)
