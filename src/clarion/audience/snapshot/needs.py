"""What a predicate asks of a snapshot, and whether the snapshot has it. Without Polars, which only evaluation takes."""

from clarion.audience.compile import adds_up
from clarion.audience.model import All, AnyOf, Compare, Events, InList, Not, Predicate
from clarion.audience.snapshot.model import Form, Snapshot


def comparisons(predicate: Predicate) -> list[Compare]:
    """All comparisons of a predicate."""
    match predicate:
        case All(parts) | AnyOf(parts):
            return [compare for part in parts for compare in comparisons(part)]
        case Not(part):
            return comparisons(part)
        case Compare():
            return [predicate]
    return []


def of_columns_only(predicate: Predicate) -> bool:
    """Whether a predicate asks neither for lists nor for events, which no snapshot holds."""
    match predicate:
        case All(parts) | AnyOf(parts):
            return all(of_columns_only(part) for part in parts)
        case Not(part):
            return of_columns_only(part)
        case InList() | Events():
            return False
    return True


def adds_up_events(predicate: Predicate) -> bool:
    """Whether a predicate asks for numbers of events, and not only whether there are some."""
    match predicate:
        case All(parts) | AnyOf(parts):
            return any(adds_up_events(part) for part in parts)
        case Not(part):
            return adds_up_events(part)
    return isinstance(predicate, Events) and adds_up(predicate)


def answerable(predicate: Predicate, snapshot: Snapshot) -> bool:
    """Whether a snapshot holds all that a predicate asks for."""
    return of_columns_only(predicate) and all(
        snapshot.forms.get(compare.column.sql, Form.PRESENCE) is not Form.PRESENCE
        or (compare.op in ("set", "unset") and compare.column.sql in snapshot.forms)
        for compare in comparisons(predicate)
    )


def text_conditions(predicate: Predicate, snapshot: Snapshot) -> list[Compare]:
    """The comparisons that are to be answered for the words of their column."""
    return [
        compare
        for compare in comparisons(predicate)
        if snapshot.forms[compare.column.sql] is Form.WORDS and compare.op not in ("set", "unset")
    ]
