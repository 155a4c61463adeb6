"""Who a device is: registration, and the secret it proves itself with afterwards."""

import re
import uuid

from msgspec import structs

from clarion.apps.model import App
from clarion.base import secrets
from clarion.db.sql import Conn
from clarion.devices.model import TOKEN, DeviceRecord, Registered, Registration
from clarion.devices.store import identity
from clarion.devices.values import is_udid
from clarion.devices.writing import upsert

_ALL_BITS = 2**64 - 1
_DEVICE_OF_SECRET = re.compile(r"[0-9a-f]{16}")


async def register(conn: Conn, app: App, wanted: Registration) -> Registered:
    """Give a device its identity (v1 rule 70): the profile it proves to be, else a new one under a UDID made here.

    An application's key is public, so a UDID alone proves nothing once a profile has a secret. Proof is the profile's
    current secret, or the push token it holds; a profile that never had a secret (imported) goes by its UDID once.
    A UDID without proof, and one that nobody has, is answered with another one. A presented secret that holds is kept,
    so that a lost answer locks nobody out; any other proof replaces it.
    """
    if wanted.udid is not None and not is_udid(wanted.udid):
        wanted = structs.replace(wanted, udid=None)
    await identity.lock_registrations(conn, app.id, wanted.udid, wanted.token)
    found = await _proven(conn, app.id, wanted)
    udid = found.udid if found else str(uuid.uuid4()).upper()
    record = DeviceRecord(udid, wanted.fields)
    if wanted.token is not None:
        record = DeviceRecord(udid, {**wanted.fields, TOKEN: wanted.token}, wanted.keys)
    [number] = await upsert(conn, app, [record])
    if number is None:
        raise RuntimeError(f"The fresh UDID {udid} has the id of another device.")
    if found and wanted.secret and _opens(found, wanted.secret):
        return Registered(number, udid, wanted.secret, created=False)
    secret = f"{number & _ALL_BITS:016x}.{secrets.new_token()}"
    await identity.set_secret(conn, app.id, number, secrets.digest(secret))
    return Registered(number, udid, secret, created=found is None)


async def _proven(conn: Conn, app_id: int, wanted: Registration) -> identity.Identity | None:
    """The profile that a registration proves to be."""
    by_udid = await identity.by_udid(conn, app_id, wanted.udid) if wanted.udid else None
    if by_udid and (by_udid.secret_digest is None or (wanted.secret and _opens(by_udid, wanted.secret))):
        return by_udid
    return await identity.by_token(conn, app_id, wanted.token) if wanted.token is not None else None


def _opens(profile: identity.Identity, secret: str) -> bool:
    expected = profile.secret_digest
    return expected is not None and secret.isascii() and secrets.same(expected, secrets.digest(secret))


async def authenticate(conn: Conn, app_id: int, secret: str) -> int | None:
    """The device whose secret this is, None when it is nobody's. The secret names its device: no index is needed."""
    named, dot, _ = secret.partition(".")
    if not dot or not _DEVICE_OF_SECRET.fullmatch(named) or not secret.isascii():
        return None
    number = int(named, 16)
    number -= (number >> 63) << 64
    expected = await identity.secret_digest(conn, app_id, number)
    return number if expected is not None and secrets.same(expected, secrets.digest(secret)) else None
