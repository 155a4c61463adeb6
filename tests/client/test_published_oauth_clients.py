"""Clients that nobody here wrote get tokens and call the API: Authlib and requests-oauthlib, over https."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from authlib.integrations.base_client.errors import OAuthError as AuthlibError
from authlib.integrations.requests_client import OAuth2Session as AuthlibSession
from oauthlib.oauth2 import BackendApplicationClient, OAuth2Error
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session

from clarion.identity.scopes import ScopeName
from tests.client.v2_served import V2Served

T = TypeVar("T")

SCOPE = "customerapi/basic.read-write"
BODY = {"name": "Shop", "legalName": "Shop B.V."}


async def aside(work: Callable[[], T]) -> T:
    """The libraries block: they work on a thread while the server answers on the loop."""
    return await asyncio.to_thread(work)


def trust(session: Any, served: V2Served) -> None:
    """Trust the server's authority, whatever the environment names for all programs."""
    session.trust_env = False
    session.verify = served.ca_file


def authlib(served: V2Served, client_id: str, secret: str, method: str, scope: str = SCOPE) -> Any:
    session = AuthlibSession(client_id, secret, scope=scope, token_endpoint_auth_method=method)
    trust(session, served)
    return session


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
async def test_v2_rule_3_1_authlib_gets_a_token_and_calls(v2_server: V2Served, method: str) -> None:
    client_id, secret = await v2_server.credentials()

    def work() -> tuple[dict[str, Any], dict[str, Any]]:
        with authlib(v2_server, client_id, secret, method) as session:
            token = session.fetch_token(f"{v2_server.url}/oauth2/token", grant_type="client_credentials")
            made = session.post(f"{v2_server.url}/v2/accounts", json=BODY)
            assert made.status_code == 201, made.text
            read = session.get(
                made.headers["Location"].replace(made.headers["Location"].split("/v2/")[0], v2_server.url)
            )
            assert read.json() == made.json()
            return token, read.json()["data"]

    token, account = await aside(work)
    assert (token["token_type"], token["expires_in"], token["scope"]) == ("Bearer", 3600, SCOPE)
    assert account["name"] == "Shop"


async def test_v2_rule_3_11_authlib_introspects_and_revokes(v2_server: V2Served) -> None:
    client_id, secret = await v2_server.credentials()

    def work() -> list[Any]:
        with authlib(v2_server, client_id, secret, "client_secret_basic") as session:
            token = session.fetch_token(f"{v2_server.url}/oauth2/token", grant_type="client_credentials")[
                "access_token"
            ]
            introspection = f"{v2_server.url}/oauth2/introspect"
            before = session.introspect_token(introspection, token=token).json()["active"]
            assert session.revoke_token(f"{v2_server.url}/oauth2/revoke", token=token).status_code == 200
            after = session.introspect_token(introspection, token=token).json()["active"]
            return [before, after, session.get(f"{v2_server.url}/v2/accounts").status_code]

    assert await aside(work) == [True, False, 401]


@pytest.mark.parametrize("in_form", [False, True])
async def test_v2_rule_3_1_requests_oauthlib_gets_a_token_and_calls(v2_server: V2Served, in_form: bool) -> None:
    client_id, secret = await v2_server.credentials()

    def work() -> tuple[list[str], int]:
        with OAuth2Session(client=BackendApplicationClient(client_id=client_id, scope=[SCOPE])) as session:
            trust(session, v2_server)
            given: dict[str, Any] = (
                {"client_secret": secret, "include_client_id": True}
                if in_form
                else {"auth": HTTPBasicAuth(client_id, secret)}
            )
            token = session.fetch_token(f"{v2_server.url}/oauth2/token", verify=v2_server.ca_file, **given)
            made = session.post(f"{v2_server.url}/v2/accounts", json=BODY)
            return token["scope"], made.status_code

    assert await aside(work) == ([SCOPE], 201)


async def test_v2_rule_3_3_requests_oauthlib_is_told_of_a_scope_it_has_not(v2_server: V2Served) -> None:
    client_id, secret = await v2_server.credentials([ScopeName.BASIC_READ])

    def work() -> str:
        with OAuth2Session(client=BackendApplicationClient(client_id=client_id, scope=[SCOPE])) as session:
            trust(session, v2_server)
            with pytest.raises(OAuth2Error) as refused:
                session.fetch_token(
                    f"{v2_server.url}/oauth2/token", auth=HTTPBasicAuth(client_id, secret), verify=v2_server.ca_file
                )
            return str(refused.value.error)

    assert await aside(work) == "invalid_scope"


async def test_v2_rule_3_4_authlib_is_told_of_a_wrong_secret(v2_server: V2Served) -> None:
    client_id, _ = await v2_server.credentials()

    def work() -> Any:
        with (
            authlib(v2_server, client_id, "another", "client_secret_basic") as session,
            pytest.raises(AuthlibError) as told,
        ):
            session.fetch_token(f"{v2_server.url}/oauth2/token", grant_type="client_credentials")
        return told.value

    assert (await aside(work)).error == "invalid_client"


async def test_v2_rule_3_6_authlib_asks_for_a_new_token_when_the_old_one_has_ended(v2_server: V2Served) -> None:
    client_id, secret = await v2_server.credentials()

    def work() -> bool:
        endpoint = f"{v2_server.url}/oauth2/token"
        with AuthlibSession(
            *(client_id, secret), scope=SCOPE, grant_type="client_credentials", token_endpoint=endpoint
        ) as session:
            trust(session, v2_server)
            first = session.fetch_token(endpoint, grant_type="client_credentials")["access_token"]
            session.token["expires_at"] = 1
            assert session.get(f"{v2_server.url}/v2/accounts").status_code == 200
            return bool(session.token["access_token"] != first)

    assert await aside(work)
