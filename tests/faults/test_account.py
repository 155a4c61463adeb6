"""An account of a fault run says what is wrong: each kind of fault is found, and a sound send has none."""

from typing import Any

import pytest
from msgspec.structs import replace

from clarion.content.model import Guarantee
from clarion.gateways.stub.ledger import Tally
from tests.faults.account import KINDS, Account
from tests.faults.row import Row

AT_LEAST_ONCE, AT_MOST_ONCE = Guarantee.AT_LEAST_ONCE, Guarantee.AT_MOST_ONCE


def counts(**given: int) -> dict[str, int]:
    return dict.fromkeys(KINDS, 0) | given


def account(
    guarantee: Guarantee = Guarantee.AT_LEAST_ONCE, *, seen: int = 10, doubles: int = 0, **more: Any
) -> Account:
    gateway = replace(Tally(100).figures(), distinct=seen, doubles=doubles)
    given = counts(delivered=10)
    sound = Account(guarantee, "closed", 10, 10, given, dict(given), 10, 10, 0, {}, gateway)
    return replace(sound, **more)


def both(**given: int) -> dict[str, Any]:
    return {"counts": counts(**given), "recounted": counts(**given)}


def test_a_sound_send_has_no_faults() -> None:
    assert account().faults() == account().undelivered() == []
    assert account(doubles=3).faults() == [], "doubles are allowed at least once, as many as the run allows"
    assert account(AT_MOST_ONCE, seen=9, **both(delivered=8, unknown=2)).faults() == []
    assert account().lost == 0


@pytest.mark.parametrize(
    "wrong",
    [
        account(state="failed"),
        account(audience=9),
        account(places=11),
        account(devices=9),
        account(open=1),
        account(counts=counts(delivered=9)),
        account(recounted=counts(delivered=9, refused=1)),
        account(seen=9),
        account(seen=10, **both(delivered=9, refused=1)),
        account(seen=9, **both(delivered=9, unknown=1)),
        account(AT_MOST_ONCE, doubles=1),
        account(AT_MOST_ONCE, seen=10, **both(delivered=8, unknown=1, expired=1)),
    ],
)
def test_each_kind_of_fault_is_found(wrong: Account) -> None:
    assert len(wrong.faults()) >= 1


def test_lost_are_devices_without_an_outcome_and_those_the_gateway_never_saw() -> None:
    assert account(devices=8).lost == 2
    assert account(open=3).lost == 3
    assert account(seen=6).lost == 4


def test_who_was_not_reached_is_told_with_the_reasons() -> None:
    [told] = account(seen=9, reasons={"PayloadTooLarge": 1}, **both(delivered=9, refused=1)).undelivered()
    assert "9 delivered of 10" in told
    assert "PayloadTooLarge" in told


def test_a_row_sums_its_accounts_and_holds_doubles_against_what_is_allowed() -> None:
    accounts = [account(doubles=2), account(doubles=3)]
    row = Row.of("kills", accounts, did="", allowed=5)
    assert (row.sends, row.audience, row.counts["delivered"], row.doubles, row.faults) == (2, 20, 20, 5, [])
    assert Row.of("kills", accounts, did="", allowed=4).faults == ["5 doubles, 4 allowed"]
