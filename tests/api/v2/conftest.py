"""The v2 surface with one API client known to it, and its contract."""

import pytest

from clarion.api.contract.engine import Contract
from tests.contract.checker import ResponseChecker


@pytest.fixture(scope="session")
def contract() -> Contract:
    return Contract.load("v2")


@pytest.fixture(scope="session")
def checker(contract: Contract) -> ResponseChecker:
    return ResponseChecker(contract.document)
