"""Predicates to Polars expressions, with the meaning that `compile` gives them in SQL.

A comparison on an unset column is false here and NULL there, which comes to the same: the top and every `not` take
both for not true. Conditions on texts are answered for the words of the column beforehand; `needs` says which.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import reduce
from operator import and_, or_
from typing import Any

import polars as pl

from clarion.audience.model import All, AnyOf, Compare, Not, Predicate
from clarion.audience.snapshot.model import Form, Snapshot

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_TYPES: dict[Form, type[pl.DataType]] = {
    Form.INTEGER: pl.Int64,
    Form.DECIMAL: pl.Float64,
    Form.DATE: pl.Int64,
    Form.BOOLEAN: pl.Boolean,
}


def expression(
    predicate: Predicate, snapshot: Snapshot, numbers: Mapping[Compare, Collection[int]], now: datetime
) -> pl.Expr:
    """The condition on a frame of this snapshot. `numbers` are the words for which each of its text conditions holds
    (`needs`); `now` is the moment of which windows of days are taken."""

    def node(predicate: Predicate) -> pl.Expr:
        match predicate:
            case All(parts):
                return reduce(and_, map(node, parts)) if parts else _TRUE
            case AnyOf(parts):
                return reduce(or_, map(node, parts)) if parts else ~_TRUE
            case Not(part):
                return ~node(part)
            case Compare(column, op, value):
                form = snapshot.forms[column.sql]
                if form in (Form.WORDS, Form.PRESENCE):
                    return _text(column.sql, op, numbers.get(predicate, ()))
                return _compare(pl.col(column.sql), form, op, value, now)
        raise AssertionError("lists and events are not answered here")

    return node(predicate)


_TRUE = pl.col("id").is_not_null()


def _text(name: str, op: str, numbers: Collection[int]) -> pl.Expr:
    column = pl.col(name)
    if op in ("set", "unset"):
        return (column == 0) if op == "unset" else (column != 0)
    found: Sequence[int] = sorted(numbers)
    held = (
        column == pl.lit(found[0], pl.UInt16())
        if len(found) == 1
        else column.is_in(pl.Series(found, dtype=pl.UInt16()).implode())
    )
    return (held | (column == 0)) if op == "ne" else held


def _compare(column: pl.Expr, form: Form, op: str, value: Any, now: datetime) -> pl.Expr:
    if op in ("set", "unset"):
        return column.is_null() if op == "unset" else column.is_not_null()
    if op == "within_days":
        until = _micros(now)
        since = until - value * 86_400_000_000
        return ((column > pl.lit(since, pl.Int64())) & (column <= pl.lit(until, pl.Int64()))).fill_null(value=False)
    kind = _TYPES[form]()
    if op == "in":
        wanted = pl.Series([_plain(each) for each in value], dtype=kind).implode()
        return column.is_in(wanted).fill_null(value=False)
    other = pl.lit(_plain(value), kind)
    if op == "ne":
        return column.ne_missing(other)
    compared = {
        "eq": lambda: column == other,
        "lt": lambda: column < other,
        "lte": lambda: column <= other,
        "gt": lambda: column > other,
        "gte": lambda: column >= other,
    }[op]()
    return compared.fill_null(value=False)


def _plain(value: Any) -> Any:
    return _micros(value) if isinstance(value, datetime) else value


def _micros(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND
