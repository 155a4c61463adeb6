"""Exact amounts (v2 rule 12.1)."""

from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clarion.desk.invoices import money
from clarion.desk.invoices.money import Amounts

CURRENCIES = {"JPY": 0, "EUR": 2, "KWD": 3, "CLF": 4}
QUANTITIES = st.decimals(0, Decimal("999999999999.999999"), places=6)
PRICES = st.decimals(Decimal("-999999999999999.9999"), Decimal("999999999999999.9999"), places=4)
RATES = st.decimals(0, Decimal("100.9999"), places=4)
SMALL = st.decimals(-2, 2, places=4)


def half_even(exact: Fraction, digits: int) -> Decimal:
    """Written independently: with whole numbers alone."""
    scaled = exact * 10**digits
    floor = scaled.numerator // scaled.denominator
    rest = scaled - floor
    up = rest > Fraction(1, 2) or (rest == Fraction(1, 2) and floor % 2 == 1)
    return Decimal(floor + up).scaleb(-digits)


def with_decimal(quantity: Decimal, price: Decimal, rate: Decimal, digits: int) -> tuple[Decimal, Decimal]:
    """Written independently: in a context of plenty digits."""
    with localcontext() as context:
        context.prec = 200
        unit = Decimal(10) ** -digits
        excluded = (quantity * price).quantize(unit, ROUND_HALF_EVEN)
        return excluded, (excluded * rate / 100).quantize(unit, ROUND_HALF_EVEN)


@given(QUANTITIES, PRICES | SMALL, RATES, st.sampled_from(sorted(CURRENCIES)))
def test_v2_rule_12_1_lines_are_rounded_half_to_even_once(
    quantity: Decimal, price: Decimal, rate: Decimal, currency: str
) -> None:
    digits = CURRENCIES[currency]
    made = money.of_line(quantity, price, rate, currency)
    assert (made.tax_excluded, made.tax) == with_decimal(quantity, price, rate, digits)
    assert made.tax_excluded == half_even(Fraction(quantity) * Fraction(price), digits)
    assert made.tax == half_even(Fraction(made.tax_excluded) * Fraction(rate) / 100, digits)


@given(st.lists(st.tuples(QUANTITIES, PRICES | SMALL, RATES), max_size=50), st.sampled_from(sorted(CURRENCIES)))
def test_v2_rule_12_1_the_invoice_sums_the_rounded_lines(
    lines: list[tuple[Decimal, Decimal, Decimal]], currency: str
) -> None:
    sums = Amounts()
    for line in lines:
        sums = sums.plus(money.of_line(*line, currency))
    each = [with_decimal(*line, CURRENCIES[currency]) for line in lines]
    assert Fraction(sums.tax_excluded) == sum((Fraction(excluded) for excluded, _ in each), Fraction(0))
    assert Fraction(sums.tax) == sum((Fraction(tax) for _, tax in each), Fraction(0))
    assert Fraction(sums.total) == Fraction(sums.tax_excluded) + Fraction(sums.tax)
    for line in lines:
        sums = sums.minus(money.of_line(*line, currency))
    assert not any((sums.tax_excluded, sums.tax, sums.total))


@given(PRICES | SMALL | QUANTITIES, st.sampled_from(sorted(CURRENCIES)))
def test_numbers_are_written_as_the_contract_has_them(number: Decimal, currency: str) -> None:
    shortest = str(money.shortest(number))
    assert Decimal(shortest) == number
    assert "E" not in shortest
    assert not ("." in shortest and shortest.endswith("0"))
    price = str(money.price(number, currency))
    assert Decimal(price) == number
    assert len(price.partition(".")[2]) >= CURRENCIES[currency] or Decimal(price) != money.rounded(number, currency)
    amount = money.rounded(number, currency)
    assert len(str(amount).partition(".")[2]) == CURRENCIES[currency]
    assert not (amount == 0 and amount.is_signed())


@pytest.mark.parametrize(
    ("text", "currency", "expected"),
    [
        ("0.5", "JPY", "0"),
        ("1.5", "JPY", "2"),
        ("2.5", "JPY", "2"),
        ("-0.5", "JPY", "0"),
        ("-1.5", "JPY", "-2"),
        ("0.005", "EUR", "0.00"),
        ("0.015", "EUR", "0.02"),
        ("1.0005", "KWD", "1.000"),
        ("7", "CLF", "7.0000"),
    ],
)
def test_v2_rule_12_1_ties_go_to_the_even_neighbour(text: str, currency: str, expected: str) -> None:
    assert str(money.rounded(Decimal(text), currency)) == expected


def test_currencies_have_the_minor_units_of_iso_4217() -> None:
    expected = {"EUR": 2, "USD": 2, "JPY": 0, "KRW": 0, "ISK": 0, "KWD": 3, "BHD": 3, "TND": 3, "CLF": 4, "UYW": 4}
    assert {code: money.digits(code) for code in expected} == expected
    for code in ("XAU", "XXX", "XTS", "XDR", "QQQ", "DEM", "eur", ""):
        assert money.digits(code) is None


def test_amounts_of_sixteen_digits_do_not_fit() -> None:
    most = Decimal("999999999999999.99")
    assert Amounts(most, Decimal(0)).fits
    assert Amounts(-most, Decimal(0)).fits
    assert not Amounts(most, Decimal("0.01")).fits
    assert not Amounts(most + 1, Decimal(-1)).fits
