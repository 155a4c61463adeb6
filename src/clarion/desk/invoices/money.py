"""Exact amounts: what a line costs, rounded half to even to the minor unit of its currency (v2 rule 12.1).

Which currencies there are, and how many digits their minor unit has, is list one of ISO 4217 as its maintenance agency
(SIX) publishes it, without metals, units of account and test codes, which have no minor unit. Codes withdrawn since
2021 are kept for invoices of before.
"""

from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Final

from msgspec import Struct

_CODES: Final = """
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW
    CLF CLP CNY COP COU CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL
    HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA
    MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD
    RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD
    USN UYI UYU UYW UZS VED VES VND VUV WST XAD XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
"""
_WITHDRAWN: Final = "ANG BGN CUC HRK SLL ZWL"
_OTHER_DIGITS: Final = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
_DIGITS: Final = dict.fromkeys(f"{_CODES} {_WITHDRAWN}".split(), 2) | {
    code: digits for digits, codes in _OTHER_DIGITS.items() for code in codes.split()
}
_UNITS: Final = {code: Decimal(1).scaleb(-digits) for code, digits in _DIGITS.items()}

LIMIT: Final = Decimal(10**15)
"""Amounts are smaller than this, of either sign."""

# The longest product, of a quantity with 18 digits and a price with 19, is held whole: nothing is rounded but once.
_EXACT: Final = Context(prec=80, rounding=ROUND_HALF_EVEN)


class Amounts(Struct, frozen=True):
    """What a line or an invoice comes to; `total` is the sum of the others."""

    tax_excluded: Decimal = Decimal(0)
    tax: Decimal = Decimal(0)

    @property
    def total(self) -> Decimal:
        """With tax."""
        return _EXACT.add(self.tax_excluded, self.tax)

    @property
    def fits(self) -> bool:
        """Whether every one of them can be written."""
        return all(abs(each) < LIMIT for each in (self.tax_excluded, self.tax, self.total))

    def plus(self, other: "Amounts") -> "Amounts":
        """The sums of both."""
        return Amounts(_EXACT.add(self.tax_excluded, other.tax_excluded), _EXACT.add(self.tax, other.tax))

    def minus(self, other: "Amounts") -> "Amounts":
        """What is left without the other."""
        return Amounts(_EXACT.subtract(self.tax_excluded, other.tax_excluded), _EXACT.subtract(self.tax, other.tax))


def digits(currency: str) -> int | None:
    """How many digits of the minor unit a currency has; None for what is no currency."""
    return _DIGITS.get(currency)


def rounded(amount: Decimal, currency: str) -> Decimal:
    """An amount in minor units of a known currency, half to even; never a negative zero."""
    return _EXACT.plus(amount.quantize(_UNITS[currency], context=_EXACT))


def is_whole(amount: Decimal, currency: str) -> bool:
    """Whether an amount has no fraction of the minor unit of a known currency."""
    return rounded(amount, currency) == amount


def of_line(quantity: Decimal, unit_price: Decimal, tax_rate: Decimal, currency: str) -> Amounts:
    """What a line comes to in a known currency; the rate is a percentage (v2 rule 12.1)."""
    tax_excluded = rounded(_EXACT.multiply(quantity, unit_price), currency)
    return Amounts(tax_excluded, rounded(_EXACT.multiply(tax_excluded, tax_rate).scaleb(-2, _EXACT), currency))


def price(amount: Decimal, currency: str) -> Decimal:
    """A price with the digits of its currency, or with more where it has them."""
    return rounded(amount, currency) if is_whole(amount, currency) else shortest(amount)


def shortest(number: Decimal) -> Decimal:
    """A number without zeros at the end of its fraction, never with an exponent."""
    short = number.normalize(_EXACT)
    exponent = short.as_tuple().exponent
    whole = isinstance(exponent, int) and exponent > 0
    return _EXACT.plus(short.quantize(Decimal(1), context=_EXACT) if whole else short)
