"""The Python client of v1 against a server on a socket: tokens, pages, export, refusals, lost connections."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from psycopg import sql

from clarion import __version__
from clarion.apps.model import App
from clarion.base import clock
from clarion.base.errors import ConfigurationError, Unavailable
from clarion.client.v1 import ApiError, ForbiddenError, NotFoundError, TokenError, V1Client
from clarion.client.v1.calling import signature
from clarion.client.v1.models import (
    AccessTokenRequest,
    Campaign,
    Message,
    PlatformMessage,
    Segments,
    Sound,
)
from clarion.client.v1.pages import from_link
from clarion.client.v1.query import one, target
from clarion.content import service as content
from clarion.content.model import CampaignDraft
from clarion.db.sql import app_table, execute
from clarion.devices import service as devices
from clarion.devices.model import DeviceRecord
from tests.client.conftest import Served
from tests.support import free_port


async def test_v1_rule_17_a_call_is_signed_and_brings_its_own_token(served: Served, v1_client: V1Client) -> None:
    assert await v1_client.me() == "Welcome"
    assert served.seen == [("POST", "/v1/access_token"), ("GET", "/v1/me")]
    assert served.agents == {f"clarion-client/{__version__}"}


def test_v1_rule_9_signatures_are_those_of_the_published_vectors() -> None:
    key, time = "a1b2c3d4e5f6g7h8", "1507722391"
    assert signature(b'{"email":"mymail@client.com"}', key, time) == "f974f730586ce2bf49a276845060a8d38bb43770"
    assert signature(b"", key, time) == "ba04fc7206950ce63d78ddbc9e65c48fb96e54d7"


# Tokens


async def test_calls_side_by_side_fetch_one_token(served: Served, v1_client: V1Client) -> None:
    assert set(await asyncio.gather(*(v1_client.me() for _ in range(20)))) == {"Welcome"}
    assert served.count("POST", "/v1/access_token") == 1


async def test_v1_rule_14_an_expired_token_is_renewed_once_and_the_call_repeated(
    served: Served, v1_client: V1Client
) -> None:
    created = await v1_client.create_campaign(served.inside.ios.partner_id, Campaign(name="Spring"))
    clock.shift(timedelta(hours=25))
    again = await v1_client.create_campaign(served.inside.ios.partner_id, Campaign(name="Summer"))
    assert again.id > created.id
    assert served.count("POST", "/v1/access_token") == 2
    assert served.count("POST", f"/v1/me/apps/{served.inside.ios.partner_id}/campaigns") == 3


async def test_v1_rule_24_a_token_that_is_not_known_any_more_is_renewed_too(
    served: Served, v1_client: V1Client
) -> None:
    await v1_client.me()
    async with served.inside.database.transaction() as conn:
        await execute(conn, "DELETE FROM clarion.v1_token")
    assert await v1_client.list_campaigns(served.inside.ios.partner_id).collect() == []


async def test_calls_side_by_side_renew_an_expired_token_once(served: Served, v1_client: V1Client) -> None:
    partner_id = served.inside.ios.partner_id
    await v1_client.me()
    clock.shift(timedelta(hours=25))
    await asyncio.gather(*(v1_client.list_campaigns(partner_id).collect() for _ in range(10)))
    assert served.count("POST", "/v1/access_token") == 2


async def test_who_gets_no_token_is_told_why(served: Served) -> None:
    """v1 rules 11 and 15."""
    async with served.client(email="nobody@shop.example") as nobody, served.client(api_key="wrong") as wrong:
        with pytest.raises(NotFoundError, match="access token") as refused:
            await nobody.me()
        assert refused.value.labels == ["API_ERR_DATA"]
        with pytest.raises(ApiError) as unsigned:
            await wrong.me()
        assert (unsigned.value.status, unsigned.value.labels) == (400, ["API_ERR_SIGNATURE"])


async def test_v1_rule_13_a_token_can_be_asked_for_by_itself(served: Served, v1_client: V1Client) -> None:
    issued = await v1_client.create_access_token(AccessTokenRequest(email=served.inside.person.email))
    assert (issued.token_type, len(issued.access_token) > 20) == ("Bearer", True)


# Pages and the export


async def campaigns(served: Served, count: int) -> App:
    app = served.inside.ios
    async with served.inside.database.transaction() as conn:
        for number in range(count):
            await content.create_campaign(conn, app.id, CampaignDraft(name=f"C{number:03}"))
    return app


async def test_v1_rule_31_all_objects_come_page_after_page(served: Served, v1_client: V1Client) -> None:
    app = await campaigns(served, 230)
    names = [campaign.name async for campaign in v1_client.list_campaigns(app.partner_id)]
    assert names == [f"C{number:03}" for number in range(230)]
    pages = [path for method, path in served.seen if "/campaigns" in path and method == "GET"]
    assert [path.partition("?")[2] for path in pages] == ["", "page=2", "page=3"]


async def test_v1_rule_30_one_page_is_awaited(served: Served, v1_client: V1Client) -> None:
    app = await campaigns(served, 105)
    second = await v1_client.list_campaigns(app.partner_id, page=2)
    assert [campaign.name for campaign in second.data] == [f"C{number:03}" for number in range(100, 105)]
    assert second.links is not None
    assert second.links.prev is not None
    past = await v1_client.list_campaigns(app.partner_id, page=9)
    assert (past.data, past.links and past.links.next) == ([], None)
    sizes = [len(page.data) async for page in v1_client.list_campaigns(app.partner_id).pages()]
    assert sizes == [100, 5]


async def test_links_are_followed_with_the_parameters_of_the_first_call(served: Served, v1_client: V1Client) -> None:
    """v1 rules 31 and 36: a percent sign in a filter survives."""
    app = served.inside.ios
    for number in range(101):
        await v1_client.create_message(
            app.partner_id, Message(name=f"100% {number}", messages=[PlatformMessage(text="Hi")])
        )
    await v1_client.create_message(app.partner_id, Message(name="Other", messages=[PlatformMessage(text="Hi")]))
    found = await v1_client.list_messages(app.partner_id, title="100%").collect()
    assert len(found) == 101


@pytest.mark.parametrize(
    ("link", "followed"),
    [
        ("https://elsewhere.example/v1/me/apps/a/x?page=2", "/v1/me/apps/a/x?page=2"),
        ("http://proxy.example:8080/prefix/v1/me/apps/a/x", "/v1/me/apps/a/x"),
        ("/v1/me/apps/a%2Fb/x?q=%25&page=2", "/v1/me/apps/a%2Fb/x?q=%25&page=2"),
    ],
)
def test_a_link_never_leads_a_signed_call_to_another_server(link: str, followed: str) -> None:
    assert from_link(link) == followed


async def test_v1_rule_64_the_export_is_followed_to_its_last_part(served: Served, v1_client: V1Client) -> None:
    app = served.inside.ios
    async with served.inside.database.transaction() as conn:
        insert = sql.SQL(
            "INSERT INTO {} (id, udid, language) SELECT n, 'd;\"' || n, 'fr' FROM generate_series(1, 10050) n"
        )
        await execute(conn, insert.format(app_table(app.id, "device")))
    found = [device async for device in v1_client.list_devices(app.partner_id, fields=["UDID", "language"])]
    assert found == [{"UDID": f'd;"{number}', "language": "fr"} for number in range(1, 10_051)]
    parts = [part async for part in v1_client.list_devices(app.partner_id, fields=["UDID"]).parts()]
    assert [part.count("\r\n") for part in parts] == [10_001, 51]


async def test_an_export_of_nobody_is_empty(served: Served, v1_client: V1Client) -> None:
    """v1 rule 64."""
    assert [device async for device in v1_client.list_devices(served.inside.web.partner_id)] == []


# Bodies and answers


async def test_what_is_created_is_read_back_changed_and_written_again(served: Served, v1_client: V1Client) -> None:
    partner_id = served.inside.ios.partner_id
    start = datetime(2031, 3, 1, 8, tzinfo=UTC)
    campaign = Campaign(name="Spring", external_id="spring", start_date=start)
    created = await v1_client.create_campaign(partner_id, campaign)
    message = Message(
        name="Hello",
        campaign_id=created.id,
        use_pressure=False,
        messages=[PlatformMessage(text="Hi", badge="+1", sound=Sound(sound="custom", sound_name="bell.wav"))],
    )
    made = await v1_client.create_message(partner_id, message)
    read = await v1_client.get_message(partner_id, made.id)
    assert (read.id, read.state, read.use_pressure, read.campaign_id) == (made.id, "draft", False, created.id)
    [version] = read.messages
    assert (version.text, version.badge, version.sound) == ("Hi", "+1", Sound(sound="custom", sound_name="bell.wav"))
    assert (await v1_client.get_campaign(partner_id, created.id)).start_date == start
    read.name = "Bye"
    assert (await v1_client.update_message(partner_id, made.id, read)).id == made.id
    assert (await v1_client.get_message(partner_id, made.id)).name == "Bye"
    await v1_client.delete_message(partner_id, made.id)
    with pytest.raises(NotFoundError):
        await v1_client.delete_message(partner_id, made.id)


async def test_v1_rule_67_whether_anything_was_written_is_told(served: Served, v1_client: V1Client) -> None:
    app = served.inside.ios
    async with served.inside.database.transaction() as conn:
        await devices.upsert(conn, app, [DeviceRecord("a/b c")])
    assert await v1_client.update_device(app.partner_id, "a/b c", {}) is False
    assert await v1_client.update_device(app.partner_id, "a/b c", {"language": "fr"}) is True
    found = await v1_client.search_device(app.partner_id, filters={"UDID": "a/b c"})
    assert found.data["language"] == "fr"


def test_instants_in_queries_are_told_in_utc() -> None:
    """v1 rule 79."""
    at = datetime.fromisoformat("2031-03-01T01:30:00+02:00")
    assert target("/x", [*one("startDate", at), *one("endDate", at.date()), *one("page", None)]) == (
        "/x?startDate=2031-02-28%2023%3A30%3A00&endDate=2031-03-01"
    )


async def test_code_without_asyncio_holds_a_runner(served: Served) -> None:
    app = await campaigns(served, 120)

    def plain() -> tuple[str, int]:
        with asyncio.Runner() as runner:
            client = served.client()
            found = runner.run(client.me()), len(runner.run(client.list_campaigns(app.partner_id).collect()))
            runner.run(client.aclose())
            return found

    assert await asyncio.to_thread(plain) == ("Welcome", 120)


# Refusals


async def test_v1_rule_27_what_is_not_there_is_not_found(served: Served, v1_client: V1Client) -> None:
    with pytest.raises(NotFoundError, match="GET /v1/me/apps/demo-ios/campaigns/77 was refused with 404") as refused:
        await v1_client.get_campaign(served.inside.ios.partner_id, 77)
    assert (refused.value.status, refused.value.labels) == (404, ["API_ERR_DATA"])


async def test_v1_rule_18_an_application_of_others_is_forbidden(v1_client: V1Client) -> None:
    with pytest.raises(ForbiddenError):
        await v1_client.list_campaigns("nobodys").collect()


async def test_v1_rule_20_all_errors_of_an_answer_are_told(served: Served, v1_client: V1Client) -> None:
    wrong = Message(name="", messages=[PlatformMessage(text="Hi", collapse_key="none")], segments=Segments())
    wrong.messages.append(PlatformMessage(text="Hi", badge="much"))
    with pytest.raises(ApiError) as refused:
        await v1_client.create_message(served.inside.ios.partner_id, wrong)
    assert refused.value.status == 400
    assert len(refused.value.labels) == len(refused.value.messages) >= 1
    assert refused.value.messages[0] in str(refused.value)


async def test_a_token_that_is_refused_after_renewal_is_an_error(served: Served, v1_client: V1Client) -> None:
    """v1 rule 16: tokens that the server takes away as fast as it gives them."""
    async with served.inside.database.transaction() as conn:
        await execute(
            conn,
            """
            CREATE FUNCTION clarion.forget() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
            CREATE TRIGGER forget BEFORE INSERT ON clarion.v1_token
            FOR EACH ROW EXECUTE FUNCTION clarion.forget()
            """,
        )
    with pytest.raises(TokenError) as refused:
        await v1_client.me()
    assert (refused.value.status, refused.value.labels) == (400, ["API_ERR_TOKEN"])
    assert served.count("POST", "/v1/access_token") == 2


async def test_a_call_of_ones_own_gives_the_answer_as_it_came(v1_client: V1Client) -> None:
    answer = await v1_client.request("GET", "/v1/nowhere")
    assert answer.status == 404
    assert answer.json["errors"][0]["label"] == "API_ERR_UNKNOW_ROUTE"
    assert answer.headers["content-type"] == "application/json"


# Servers that are not there, or not as they should be


class Rough:
    """A plain HTTP server that gives tokens, and breaks off the first `drops` other requests."""

    def __init__(self, drops: int, answer: bytes = b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\nWelcome") -> None:
        self._drops = drops
        self._answer = answer
        self._writers: list[asyncio.StreamWriter] = []
        self.requests: list[str] = []

    async def __aenter__(self) -> str:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def __aexit__(self, *_error: object) -> None:
        self._server.close()
        for writer in self._writers:
            writer.close()
            await writer.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        head = await reader.readuntil(b"\r\n\r\n")
        self.requests.append(head.split(b" HTTP/")[0].decode())
        token = b'{"token_type": "Bearer", "access_token": "t"}'
        if head.startswith(b"POST /v1/access_token"):
            writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%s" % (len(token), token))
        elif self._drops:
            self._drops -= 1
        elif self._answer:
            writer.write(self._answer)
        else:
            await reader.read()
        await writer.drain()
        writer.close()


async def test_what_changes_nothing_is_tried_again_when_the_connection_breaks() -> None:
    rough = Rough(2)
    async with rough as url, V1Client(url, "a@b.example", "k") as client:
        assert await client.me() == "Welcome"
    assert rough.requests == ["POST /v1/access_token", *["GET /v1/me"] * 3]


async def test_it_is_not_tried_forever() -> None:
    rough = Rough(9)
    async with rough as url, V1Client(url, "a@b.example", "k") as client:
        with pytest.raises(Unavailable, match="does not answer"):
            await client.me()
    assert rough.requests.count("GET /v1/me") == 3


async def test_what_may_have_been_done_is_not_done_again() -> None:
    """v1 rule 35: a second DELETE would be told that nothing is there."""
    rough = Rough(9)
    async with rough as url, V1Client(url, "a@b.example", "k") as client:
        for call in (
            client.create_campaign("shop", Campaign(name="Once")),
            client.update_campaign("shop", 1, Campaign(name="Once")),
            client.delete_campaign("shop", 1),
        ):
            with pytest.raises(Unavailable, match="does not answer"):
                await call
    assert [request.split()[0] for request in rough.requests] == ["POST", "POST", "PUT", "DELETE"]


async def test_an_answer_of_something_else_on_the_way_is_shown() -> None:
    page = b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 17\r\n\r\n<h1>Bad luck</h1>"
    async with Rough(0, page) as url, V1Client(url, "a@b.example", "k") as client:
        with pytest.raises(ApiError, match="502: <h1>Bad luck</h1>") as refused:
            await client.me()
        assert (refused.value.errors, refused.value.labels) == ([], [])


async def test_a_server_that_never_answers_is_given_up() -> None:
    async with Rough(0, b"") as url, V1Client(url, "a@b.example", "k", timeout=0.2) as client:
        with pytest.raises(Unavailable, match=r"did not answer within 0\.2 s"):
            await client.me()


async def test_a_server_that_is_not_there_is_named() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    async with V1Client(url, "a@b.example", "k") as client:
        with pytest.raises(Unavailable, match=url):
            await client.me()


async def test_a_certificate_of_nobody_known_is_not_trusted(served: Served) -> None:
    async with served.client(ca_file="") as client:
        with pytest.raises(Unavailable, match="not trusted"):
            await client.me()


def test_addresses_and_files_that_are_none_are_refused_at_once(tmp_path: Path) -> None:
    for wrong in ("shop.example", "ftp://shop.example", "https://"):
        with pytest.raises(ConfigurationError, match="no address"):
            V1Client(wrong, "a@b.example", "k")
    (tmp_path / "ca.pem").write_text("nothing")
    for file in ("ca.pem", "none.pem"):
        with pytest.raises(ConfigurationError, match="CA file"):
            V1Client("https://shop.example", "a@b.example", "k", ca_file=str(tmp_path / file))
