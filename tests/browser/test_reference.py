"""The reference in a browser: it shows every operation, signs v1 and authorises v2 in the page, and keeps to itself."""

import json
import random

import pytest

from clarion.api.contract.document import Document
from clarion.db.pool import Database
from clarion.db.sql import value
from clarion.identity import clients, signature
from clarion.identity import service as identity
from clarion.identity.model import Role
from clarion.identity.scopes import ScopeName
from tests.browser.chromium import Page
from tests.browser.conftest import Served

V1_KEY = "a1b2c3d4e5f6g7h8"
V1_TIME = "1507722391"

_WALK = """async (api, operations) => {
    const text = (selector) => document.querySelector(`main ${selector}`)?.textContent;
    const missed = [];
    for (const [id, path] of operations) {
        location.hash = `#/${api}/operations/${id}`;
        let tries = 0;
        while (tries++ < 400 && (text(".label code") !== id || text(".target .path") !== path))
            await new Promise((done) => setTimeout(done, 5));
        if (tries > 400) missed.push(id);
    }
    return missed;
}"""


async def test_v1_rule_9_the_page_signs_as_the_server_does(served: Served, page: Page) -> None:
    await page.open(f"{served.url}/reference", "Engagement")
    chance = random.Random(9)
    bodies = ["", '{"email":"mymail@client.com"}', "é€𝄞", *("x" * n for n in (*range(50, 70), 119, 120, 1000))]
    bodies += ["".join(chr(chance.randrange(32, 0x2000)) for _ in range(chance.randrange(200))) for _ in range(50)]
    script = f"""import("/reference/signing.js").then((signing) =>
        {json.dumps(bodies)}.map((body) => signing.sign(body, {json.dumps(V1_KEY)}, {json.dumps(V1_TIME)})))"""
    made = await page.run(script)
    assert made == [signature.sign(body.encode(), V1_KEY, V1_TIME) for body in bodies]
    assert made[:2] == ["ba04fc7206950ce63d78ddbc9e65c48fb96e54d7", "f974f730586ce2bf49a276845060a8d38bb43770"]


async def test_every_operation_has_a_page_of_its_own(served: Served, page: Page) -> None:
    for api in ("v1", "v2"):
        await page.open(f"{served.url}/reference#/{api}", "version 2" if api == "v2" else "v1")
        operations = [[each.operation_id, each.path] for each in Document.load(api).operations.values()]
        missed = await page.run(f"({_WALK})({json.dumps(api)}, {json.dumps(operations)})")
        assert missed == []
    assert page.complaints == []
    assert {address.split("/")[2] for address in page.addresses} == {served.url.split("/")[2]}


async def test_schemas_rules_and_problem_codes_have_addresses(served: Served, page: Page) -> None:
    await page.open(f"{served.url}/reference#/v2/rules/9.2", "Rules of behaviour")
    await page.wait("document.activeElement?.id === 'rule-9.2'")
    await page.open(f"{served.url}/reference#/v2/problems/not_found", "Problem codes")
    await page.wait("document.activeElement?.id === 'problem-not_found'")
    for name in ("Account", "Problem"):
        await page.open(f"{served.url}/reference#/v2/schemas/{name}", name)
    await page.open(f"{served.url}/reference#/v2/schemas/None", "Not found")
    assert page.complaints == []


async def test_the_search_finds_operations_by_name_path_and_method(served: Served, page: Page) -> None:
    await page.open(f"{served.url}/reference#/v2", "Engagement")
    await page.key("/")
    await page.wait("document.activeElement.id === 'search'")
    await page.fill("Search", "delete contact")
    visible = (
        "[...document.querySelectorAll('#contents a')].filter((each) => each.offsetParent).map((each) => each.hash)"
    )
    assert await page.run(visible) == ["#/v2/operations/deleteContact"]
    await page.key("ArrowDown")
    assert await page.run("document.activeElement.hash") == "#/v2/operations/deleteContact"
    await page.fill("Search", "/v2/accounts/{accountId}/contacts post")
    assert await page.run(visible) == ["#/v2/operations/createContact"]


async def test_v2_is_authorised_and_called_from_the_page(served: Served, page: Page) -> None:
    async with served.database.transaction() as conn:
        client, secret = await clients.create(conn, "Page", [ScopeName.BASIC_READ_WRITE], None)
    await page.open(f"{served.url}/reference#/v2/operations/createAccount", "Create an account")
    await page.fill("Client id", client.client_id)
    await page.fill("Client secret", secret)
    await page.press("Get a token")
    await page.wait("document.querySelector('.credentials [role=status]').textContent.startsWith('A token is held')")
    await page.press("Send POST")
    await page.wait("document.querySelector('.result .status')?.textContent === '201'")
    assert await _accounts(served.database) == 1
    command = await page.run("document.querySelector('.try > div:last-child code').textContent")
    assert "$TOKEN" in command
    assert secret not in command
    await page.fill("Body", '{"name": " "}')
    await page.press("Send POST")
    await page.wait("document.querySelector('.result .fault')?.textContent.includes('#/name')")
    assert "Correct every finding" in await page.run("document.querySelector('.result .fault').textContent")
    stores = "JSON.stringify([Object.keys(localStorage), Object.keys(sessionStorage), document.cookie])"
    assert await page.run(stores) == '[[],[],""]'
    assert all("422" in complaint for complaint in page.complaints), page.complaints


async def test_v1_rule_5_v1_is_signed_and_called_from_the_page(served: Served, page: Page) -> None:
    async with served.database.transaction() as conn:
        _, key = await identity.create_person(conn, served.sealer, "ops@shop.example", Role.OPERATOR)
    await page.open(f"{served.url}/reference#/v1/operations/me", "Check access")
    await page.fill("E-mail", "ops@shop.example")
    await page.fill("API key", key)
    await page.press("Get a token")
    await page.wait("document.querySelector('.credentials [role=status]').textContent.startsWith('A token is held')")
    await page.press("Send GET")
    await page.wait("document.querySelector('.result code')?.textContent === 'Welcome'")
    await page.fill("API key", "wrong")
    await page.press("Send GET")
    await page.wait("document.querySelector('.result .fault')?.textContent.includes('API_ERR_SIGNATURE')")


@pytest.mark.parametrize("served", [False], indirect=True)
async def test_v2_rule_1_1_the_page_says_that_v2_needs_https(served: Served, page: Page) -> None:
    await page.open(f"{served.url}/reference#/v2/operations/getOpenApi", "This description")
    await page.press("Send GET")
    await page.wait("document.querySelector('.result .fault')?.textContent.includes('HTTPS only')")


async def test_the_page_fits_a_telephone_and_both_themes(served: Served, page: Page) -> None:
    await page.size(390, 800)
    await page.open(f"{served.url}/reference#/v2/operations/listAccounts", "List accounts")
    assert await page.run("document.documentElement.scrollWidth <= innerWidth")
    await page.press("Menu")
    assert await page.run("getComputedStyle(document.getElementById('side')).display") == "block"
    paper = "getComputedStyle(document.body).backgroundColor"
    light = await page.run(paper)
    await page.size(1200, 800, dark=True)
    assert await page.run(paper) != light


async def _accounts(database: Database) -> int:
    async with database.connection() as conn:
        found: int = await value(conn, "SELECT count(*) FROM clarion.account")
        return found
