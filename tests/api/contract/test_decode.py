"""Strict decoding of JSON bodies (v2 rule 1.5; v1 rule 22 through the surfaces)."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clarion.api.contract.decode import MAX_DEPTH, DecodeError, decode
from clarion.api.contract.unusual import unusual_findings

TEXT = st.text(st.characters(exclude_categories=["Cs"])) | st.text(st.sampled_from(':"{}[]\\,u003a \n'))
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
Members = list[tuple[str, Any]]


class Pairs(Members):
    """An object as a list of members, so that names can repeat."""


VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.lists(st.tuples(TEXT, inner), max_size=4).map(Pairs),
    max_leaves=20,
)


def write(value: Any, gap: str, ascii_only: bool) -> str:
    """JSON text of a value made of `Pairs`, repeated names and all."""
    if isinstance(value, Pairs):
        members = (f"{json.dumps(name, ensure_ascii=ascii_only)}{gap}:{write(v, gap, ascii_only)}" for name, v in value)
        return f"{{{gap}{','.join(members)}{gap}}}"
    if isinstance(value, list):
        return f"[{f',{gap}'.join(write(entry, gap, ascii_only) for entry in value)}]"
    return json.dumps(value, ensure_ascii=ascii_only)


def repeats(value: Any) -> bool:
    """Whether any object in the value has a name twice."""
    if isinstance(value, Pairs):
        return len({name for name, _ in value}) < len(value) or any(repeats(child) for _, child in value)
    return isinstance(value, list) and any(repeats(child) for child in value)


@given(VALUES, st.sampled_from(["", " ", "\n\t"]), st.booleans())
def test_valid_documents_decode_as_the_standard_library_does(value: Any, gap: str, ascii_only: bool) -> None:
    text = write(value, gap, ascii_only).encode()
    if repeats(value):
        with pytest.raises(DecodeError) as caught:
            decode(text)
        assert caught.value.code == "duplicate_member"
    else:
        assert decode(text).value == json.loads(text)


@given(st.binary())
def test_any_bytes_decode_or_raise_decode_error(body: bytes) -> None:
    try:
        decoded = decode(body)
    except DecodeError:
        return
    assert decoded.value == json.loads(body)


@given(VALUES, st.data())
def test_damaged_documents_decode_or_raise_decode_error(value: Any, data: st.DataObject) -> None:
    text = bytearray(write(value, "", True).encode())
    at = data.draw(st.integers(0, len(text) - 1))
    text[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    try:
        decoded = decode(bytes(text))
    except DecodeError:
        return
    assert decoded.value == json.loads(bytes(text))


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"\xef\xbb\xbf{}", "encoding"),
        (b'{"a":"\xff"}', "encoding"),
        (b'{"a":"\xed\xa0\x80"}', "encoding"),
        ('{"a":1}'.encode("utf-16"), "encoding"),
        (b'{"a":NaN}', "not_a_number"),
        (b'{"a":-Infinity}', "not_a_number"),
        (b'{"a":Infinity}', "not_a_number"),
        (b'{"a":1e400}', "number_range"),
        (b"1" * 5000, "number_range"),
        (b'{"a":1}{', "trailing_data"),
        (b'{"a":1} x', "trailing_data"),
        (b'{"a":', "truncated"),
        (b'{"a":"b', "truncated"),
        (b'{"a":1,}', "syntax"),
        (b"{'a':1}", "syntax"),
        (b'{"a":01}', "syntax"),
        (b'"a\nb"', "syntax"),
        (b'"a\x00b"', "syntax"),
        (b'{"a":"\\ud800"}', "surrogate"),
        (b'{"\\udfff":1}', "surrogate"),
        (b'"\\udc00\\ud800"', "surrogate"),
        (b'{"a":1,"a":2}', "duplicate_member"),
        (b'{"x":[{"a":":","b":{"c":1,"\\u0063":2}}]}', "duplicate_member"),
        (b'{"a\\u003a":1,"b":2,"b":3}', "duplicate_member"),
    ],
)
def test_v2_rule_1_5_what_json_leaves_open_is_refused(body: bytes, code: str) -> None:
    with pytest.raises(DecodeError) as caught:
        decode(body)
    assert caught.value.code == code


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_v2_rule_1_5_nesting_ends_at_32_levels(opening: str) -> None:
    closing = "]" if opening == "[" else "}"

    def nested(levels: int) -> bytes:
        return (opening * (levels - 1) + ("[]" if opening == "[" else "{}") + closing * (levels - 1)).encode()

    decode(nested(MAX_DEPTH))
    for levels in (MAX_DEPTH + 1, 900, 100_000):
        with pytest.raises(DecodeError) as caught:
            decode(nested(levels))
        assert caught.value.code == "too_deep"


def test_brackets_in_strings_do_not_count_as_nesting() -> None:
    assert decode(b'["' + b"[{" * 100 + b'"]').value == ["[{" * 100]


def test_numbers_without_fraction_become_integers() -> None:
    value = decode(b"[1.0, 1e2, -0.0, 1.5, 1e30]").value
    assert value == [1, 100, 0, 1.5, 1e30]
    assert [type(number) for number in value] == [int, int, int, float, float]


def test_nul_and_wide_integers_pass_and_are_found_with_their_place() -> None:
    decoded = decode(b'{"a":"\\u0000","b":[1,9223372036854775808],"c":{"d":-9223372036854775809}, "e":1}')
    assert decoded.unusual
    assert [(f.pointer, f.code) for f in unusual_findings(decoded.value)] == [
        ("/a", "nul"),
        ("/b/1", "maximum"),
        ("/c/d", "minimum"),
    ]


@given(VALUES.filter(lambda value: not repeats(value)))
def test_nothing_unusual_escapes_the_note(value: Any) -> None:
    decoded = decode(write(value, "", True).encode())
    assert decoded.unusual or not unusual_findings(decoded.value)


def test_the_message_of_a_duplicate_names_the_member_briefly() -> None:
    with pytest.raises(DecodeError) as caught:
        decode(json.dumps({"n" * 500: 1})[:-1].encode() + b',"' + b"n" * 500 + b'":2}')
    assert len(caught.value.message) < 150
