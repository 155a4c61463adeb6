"""Drawing what happens to a request that passed every check: one lot a request, from the rates of the knobs."""

import random
from itertools import pairwise

from clarion.gateways.stub.knobs import GatewayKnobs

STALL = "stall"
RESET = "reset"


class Lots:
    """A wheel of lots. The k-th draw depends on the seed and on k only.

    A lot is `STALL`, `RESET`, a reason to refuse with, or None: let it through.
    """

    def __init__(self, knobs: GatewayKnobs, too_many: str, seed: int) -> None:
        rates = {STALL: knobs.stall_rate, RESET: knobs.reset_rate}
        for reason, rate in (*knobs.refuse.items(), (too_many, knobs.too_many_rate)):
            rates[reason] = rates.get(reason, 0) + rate
        edges = [0.0]
        for rate in rates.values():
            edges.append(edges[-1] + rate)
        spans = zip(rates, pairwise(edges), strict=True)
        self._wheel = [(upper, lot) for lot, (lower, upper) in spans if upper > lower]
        self._random = random.Random(seed).random  # noqa: S311 - a repeatable sequence is what is wanted

    def draw(self) -> str | None:
        """The next lot."""
        if not self._wheel:
            return None
        point = self._random()
        for upper, lot in self._wheel:
            if point < upper:
                return lot
        return None
