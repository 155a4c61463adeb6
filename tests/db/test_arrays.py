"""What is written as the text of an array comes back as it was."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clarion.db.arrays import array_text

_TEXTS = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=20)
_ODD = st.sampled_from(["", "NULL", "null", "{}", '"', "\\", "\\N", ",", " ", "a b", "{a,b}", "\n", "\t", "\\x00", "é"])
_ZONES = st.sampled_from([UTC, timezone(timedelta(hours=-5, minutes=-30))])
_INSTANTS = st.builds(
    lambda days, rest, zone: datetime.fromordinal(days).replace(tzinfo=zone) + rest,
    st.integers(3, 3_652_000),
    st.timedeltas(timedelta(0), timedelta(days=1)),
    _ZONES,
)
_KINDS: dict[str, st.SearchStrategy[Any]] = {
    "text": _TEXTS | _ODD,
    "bigint": st.integers(-(2**63), 2**63 - 1),
    "double precision": st.floats(allow_nan=False),
    "boolean": st.booleans(),
    "bytea": st.binary(max_size=20),
    "timestamptz": _INSTANTS,
    "uuid": st.uuids(),
}


@pytest.mark.parametrize("kind", _KINDS)
def test_every_kind_of_element_survives(empty_database: str, kind: str) -> None:
    with psycopg.connect(empty_database, options="-c timezone=UTC") as conn:

        @given(st.lists(st.none() | _KINDS[kind], max_size=10))
        def check(elements: list[Any]) -> None:
            found = conn.execute(f"SELECT %s::text::{kind}[]", (array_text(elements),)).fetchone()
            assert found is not None
            assert found[0] == elements

        check()


def test_a_type_nobody_thought_of_is_refused() -> None:
    with pytest.raises(KeyError):
        array_text([object()])
