"""Material made ahead serves one message at most, in the process it was made for, and its memory is bounded."""

import os
import sys
from collections.abc import Sequence

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from clarion.gateways.webpush import stock as stock_module
from clarion.gateways.webpush.encryption import MATERIAL
from clarion.gateways.webpush.stock import MOST, STALE, Keys, KeyStock


def keys(*numbers: int) -> list[Keys]:
    return [(number.to_bytes(65, "big"), number.to_bytes(16, "big")) for number in numbers]


def pieces(count: int, first: int = 0) -> list[bytes]:
    return [number.to_bytes(MATERIAL, "big") for number in range(first, first + count)]


def filled(subscriptions: Sequence[Keys]) -> KeyStock:
    """A stock with material for these."""
    stock = KeyStock()
    stock.want(subscriptions, 0)
    ordered = stock.order(len(subscriptions))
    stock.deliver(ordered, pieces(len(ordered), 1), 0)
    return stock


def test_material_is_given_out_once() -> None:
    """RFC 8291 section 3.1: a key pair serves one message."""
    (one,) = keys(1)
    stock = filled([one])
    assert stock.take(*one) == pieces(1, 1)[0]
    assert stock.take(*one) is None
    assert len(stock) == 0


def test_material_is_not_given_out_for_another_auth_secret() -> None:
    (one,) = keys(1)
    stock = filled([one])
    assert stock.take(one[0], bytes(16)) is None
    assert stock.take(*one) is None


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_what_a_process_forked_off_takes_is_nothing() -> None:
    (one,) = keys(1)
    stock = filled([one])
    child = os.fork()
    if not child:
        os._exit(0 if stock.take(*one) is None else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert stock.take(*one) is not None


def test_the_last_of_what_is_wanted_is_made_first_and_each_only_once() -> None:
    stock = KeyStock()
    stock.want(keys(1, 2, 3, 2), 0)
    assert stock.order(2) == keys(3, 2)
    stock.want(keys(1, 2, 3), 0)
    assert stock.order(9) == keys(1)
    assert stock.order(9) == []


def test_what_was_sent_without_waiting_need_not_be_made() -> None:
    stock = KeyStock()
    stock.want(keys(1, 2), 0)
    assert stock.take(*keys(1)[0]) is None
    assert stock.order(9) == keys(2)


def test_what_comes_too_late_is_dropped() -> None:
    (one,) = keys(1)
    stock = KeyStock()
    stock.want([one], 0)
    ordered = stock.order(1)
    assert stock.take(*one) is None
    stock.deliver(ordered, pieces(1), 0)
    assert len(stock) == 0


def test_what_arrives_while_the_sender_is_busy_is_found_by_a_look() -> None:
    looks: list[int] = []
    many = keys(*range(40))

    def look() -> None:
        looks.append(len(looks))
        stock.deliver(ordered, pieces(2, 1), 0)

    stock = KeyStock(look)
    assert stock.take(*many[0]) is None
    stock.want(many, 0)
    ordered = stock.order(2)
    missed = [stock.take(*each) for each in many[:15]]
    assert (missed, looks) == ([None] * 15, [])
    assert stock.take(*many[39]) == pieces(1, 1)[0]
    assert looks == [0]
    assert stock.take(*many[38]) == pieces(1, 2)[0]
    ordered = stock.order(2)
    assert [stock.take(*each) for each in many[15:31]] == [None] * 16
    assert (looks, len(stock)) == ([0, 1], 2)


def test_keys_that_are_none_and_helpers_that_fail_leave_nothing_behind() -> None:
    one, two = keys(1, 2)
    stock = KeyStock()
    stock.want([one], 0)
    stock.deliver(stock.order(1), [b""], 0)
    stock.want([two], 0)
    stock.fail(stock.order(1))
    assert (len(stock), stock.open) == (0, 0)
    stock.want([two], 0)
    assert stock.order(1) == [two]


def test_material_that_no_message_came_for_is_dropped_after_two_minutes() -> None:
    stock = filled(keys(1, 2, 3))
    stock.want([], STALE)
    assert len(stock) == 3
    stock.want([], STALE + 1)
    assert len(stock) == 0


def test_the_stock_is_bounded_and_what_it_cannot_hold_is_passed_over() -> None:
    stock = filled(keys(*range(MOST - 2)))
    stock.want(keys(*range(MOST - 10, MOST + 10)), 0)
    assert stock.order(99) == keys(MOST - 1, MOST - 2)


def test_a_subscription_with_material_holds_about_350_bytes() -> None:
    stock = filled(keys(*range(MOST)))
    held = sys.getsizeof(stock._ready) + sum(
        sys.getsizeof(point) + sys.getsizeof(piece) for point, piece in stock._ready.items()
    )
    assert held / MOST < 400


class Taking(RuleBasedStateMachine):
    """Whatever is announced, ordered, delivered, lost, cleared and taken in whatever order: no piece is taken twice."""

    def __init__(self) -> None:
        super().__init__()
        self.stock = KeyStock()
        self.now = 0.0
        self.under_way: list[list[Keys]] = []
        self.made = 0
        self.taken: set[bytes] = set()

    @rule(numbers=st.lists(st.integers(0, 9)), passed=st.sampled_from([0.0, 1.0, STALE + 1]))
    def announce(self, numbers: list[int], passed: float) -> None:
        self.now += passed
        self.stock.want(keys(*numbers), self.now)

    @rule(most=st.integers(1, 4))
    def order(self, most: int) -> None:
        if ordered := self.stock.order(most):
            self.under_way.append(ordered)

    @rule()
    def deliver(self) -> None:
        if self.under_way:
            ordered = self.under_way.pop(0)
            self.stock.deliver(ordered, pieces(len(ordered), self.made + 1), self.now)
            self.made += len(ordered)

    @rule()
    def lose(self) -> None:
        if self.under_way:
            self.stock.fail(self.under_way.pop())

    @rule()
    def clear(self) -> None:
        self.stock.clear()

    @rule(number=st.integers(0, 9))
    def take(self, number: int) -> None:
        piece = self.stock.take(*keys(number)[0])
        if piece is not None:
            assert piece not in self.taken
            self.taken.add(piece)

    @invariant()
    def bounded(self) -> None:
        assert len(self.stock) + self.stock.open <= stock_module.MOST


TestTaking = Taking.TestCase
TestTaking.settings = settings(max_examples=60, deadline=None)


@pytest.mark.parametrize("most", [5])
def test_any_bound_holds(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    monkeypatch.setattr(stock_module, "MOST", most)
    stock = KeyStock()
    stock.want(keys(*range(20)), 0)
    stock.deliver(stock.order(3), pieces(3), 0)
    stock.want(keys(*range(100, 120)), 0)
    assert len(stock) + stock.open == most
