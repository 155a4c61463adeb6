"""Kinds of columns are judged so that no value is lost: a property of all values, not of the examples."""

import csv
import tempfile
from decimal import Decimal
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from clarion.apps.model import App, Column, ColumnKind, Platform, Scheme
from clarion.devices.values import ZERO_DATES, parser, wire_value
from clarion.migration.model import Choices, Export, FileKind, Proposal
from clarion.migration.scheme import propose

APP = App(1, "shop", "Shop", Platform.IOS)

DIGITS = st.text("0123456789.-+e", max_size=20)
DATES = st.builds(
    "{:04}-{:02}-{:02}{}".format,
    st.integers(0, 2100),
    st.integers(0, 13),
    st.integers(0, 32),
    st.sampled_from(["", " 00:00:00", " 23:59:60", "T10:00:00Z", " 10:00:00+02:00"]),
)
WORDS = st.sampled_from(["", "true", "false", "True", "Y", "N", "0", "1", "-0", "-", *ZERO_DATES])
COLUMNS = st.one_of(
    [
        st.lists(st.one_of(each, st.just("")), min_size=1, max_size=8)
        for each in (DIGITS, DATES, WORDS, st.integers().map(str), st.decimals(allow_nan=False, places=2).map(str))
    ]
)


def judged(values: list[str]) -> Proposal:
    """The proposal for a column with these values."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "devices.csv"
        with path.open("w", newline="") as file:
            csv.writer(file, delimiter=";").writerows([("UDID", "own"), *((f"d{n}", v) for n, v in enumerate(values))])
        [proposal] = propose(APP, [Export(path, FileKind.DEVICES, ["UDID", "own"])], Scheme([]), Choices())
    return proposal


@given(COLUMNS)
def test_every_value_fits_the_proposed_kind_and_stays_what_it_is(values: list[str]) -> None:
    proposal = judged(values)
    column = Column("own", "c1", proposal.kind, standard=False)
    filled = [value for value in values if value]
    assert proposal.filled == len(filled)
    for text in filled:
        value = parser(column)(text)
        shown = wire_value(column, value)
        if proposal.kind is ColumnKind.TEXT:
            assert shown == text
        elif proposal.kind is ColumnKind.DATE:
            assert shown is None if text in ZERO_DATES else str(shown).startswith(text)
        elif proposal.kind is ColumnKind.BOOLEAN:
            assert shown is (text == "true")
        else:
            assert Decimal(repr(shown)) == Decimal(text)
            assert proposal.kind is ColumnKind.DECIMAL or str(shown) == text


@given(st.lists(st.integers(-(10**17), 10**17), min_size=1, max_size=8))
def test_whole_numbers_are_whole_numbers(numbers: list[int]) -> None:
    assert judged(list(map(str, numbers))).kind is ColumnKind.INTEGER
