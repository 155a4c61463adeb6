"""The contracts of the package, loaded once for all tests."""

import pytest

from clarion.api.contract.engine import Contract


@pytest.fixture(scope="session")
def v1() -> Contract:
    return Contract.load("v1")


@pytest.fixture(scope="session")
def v2() -> Contract:
    return Contract.load("v2")
