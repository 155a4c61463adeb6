"""Web Push encryption: the published example of RFC 8291 and the way back for every plaintext."""

import hmac

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from clarion.gateways.webpush.credentials import decode64, encode64
from clarion.gateways.webpush.encryption import MATERIAL, MAX_PLAINTEXT, encrypt, material, seal

CURVE = ec.SECP256R1()
DEVICE = ec.generate_private_key(CURVE)
P256DH = DEVICE.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
AUTH = bytes(range(16))


def raw(text: str) -> bytes:
    decoded = decode64(text)
    assert decoded is not None
    return decoded


def private(text: str) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(raw(text), "big"), CURVE)


def decrypt(body: bytes, key: ec.EllipticCurvePrivateKey, auth: bytes) -> bytes:
    """A device's side, with the general HKDF of the library instead of our shortened one."""
    salt, size, length = body[:16], int.from_bytes(body[16:20], "big"), body[20]
    sender, record = body[21 : 21 + length], body[21 + length :]
    assert (size, length) == (4096, 65)
    assert len(record) <= size
    own = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    secret = key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(CURVE, sender))
    material = HKDF(SHA256(), 32, auth, b"WebPush: info\x00" + own + sender).derive(secret)
    content_key = HKDF(SHA256(), 16, salt, b"Content-Encoding: aes128gcm\x00").derive(material)
    nonce = HKDF(SHA256(), 12, salt, b"Content-Encoding: nonce\x00").derive(material)
    padded = AESGCM(content_key).decrypt(nonce, record, None)
    assert padded[-1:] == b"\x02"
    return padded[:-1]


def test_the_example_of_rfc_8291_section_5_and_appendix_a_comes_out_byte_for_byte() -> None:
    made = material(
        raw("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"),
        raw("BTBZMqHH6r4Tts7J_aSIgg"),
        ephemeral=private("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"),
        salt=raw("DGv6ra1nlYgDCS1FRnbzlw"),
    )
    body = seal(made, b"When I grow up, I want to be a watermelon")
    assert encode64(body) == (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6Tlz"
        "AC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )
    assert (
        decrypt(body, private("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"), raw("BTBZMqHH6r4Tts7J_aSIgg"))
        == b"When I grow up, I want to be a watermelon"
    )


@given(st.binary(max_size=MAX_PLAINTEXT))
def test_the_device_reads_what_was_encrypted(plaintext: bytes) -> None:
    assert decrypt(encrypt(plaintext, P256DH, AUTH), DEVICE, AUTH) == plaintext


def test_every_message_has_a_key_pair_and_a_salt_of_its_own() -> None:
    """RFC 8291 section 3.1."""
    bodies = [encrypt(b"x", P256DH, AUTH) for _ in range(20)]
    assert len({body[:16] for body in bodies}) == 20
    assert len({body[21:86] for body in bodies}) == 20


def test_material_for_one_subscription_is_new_each_time() -> None:
    made = {material(P256DH, AUTH) for _ in range(20)}
    assert {len(piece) for piece in made} == {MATERIAL}
    for part in (slice(0, 16), slice(21, 86), slice(86, 102), slice(102, 114)):
        assert len({piece[part] for piece in made}) == 20


def test_the_largest_plaintext_fills_a_body_of_4096_bytes() -> None:
    """RFC 8291 section 4."""
    assert MAX_PLAINTEXT == 3993
    assert len(encrypt(bytes(MAX_PLAINTEXT), P256DH, AUTH)) == 4096


@pytest.mark.parametrize(
    "point",
    [
        b"",
        P256DH[1:],
        b"\x04" + bytes(64),
        P256DH[:-1] + bytes([P256DH[-1] ^ 1]),
        DEVICE.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint),
    ],
    ids=["empty", "without its form", "zero", "beside the curve", "compressed"],
)
def test_a_key_that_is_no_point_of_the_curve_is_an_error(point: bytes) -> None:
    with pytest.raises(ValueError):
        encrypt(b"x", point, AUTH)


@pytest.mark.parametrize("auth", [b"", AUTH[1:], AUTH + b"x"])
def test_an_auth_secret_of_another_length_is_an_error(auth: bytes) -> None:
    with pytest.raises(ValueError):
        material(P256DH, auth)


def test_another_auth_secret_does_not_open_the_message() -> None:
    body = encrypt(b"x", P256DH, hmac.digest(b"k", b"m", "sha256")[:16])
    with pytest.raises(InvalidTag):
        decrypt(body, DEVICE, AUTH)
