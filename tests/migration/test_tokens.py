"""Plain files of push tokens: every line a device, the same each time."""

import base64

import pytest

from clarion.apps.model import Platform
from clarion.base.errors import Invalid
from clarion.db.pool import Database
from clarion.db.sql import tuples
from clarion.devices.model import TransferProgress
from clarion.migration.model import TokensReport
from clarion.migration.tokens import load_tokens, udid_of
from tests.migration.conftest import Move, moved

KEY = base64.urlsafe_b64encode(b"\x04" + bytes(64)).rstrip(b"=").decode()
SECRET = base64.urlsafe_b64encode(bytes(16)).rstrip(b"=").decode()


class Loader:
    """Loads texts as files of tokens."""

    def __init__(self, move: Move) -> None:
        self.move = move
        self.progress: list[TransferProgress] = []

    async def load(self, text: str, *, dry_run: bool = False) -> TokensReport:
        file = self.move.written("tokens.csv", text)
        report = await load_tokens(
            self.move.database, self.move.app, file, rejects=None, progress=self.progress.append, dry_run=dry_run
        )
        assert report.read == report.created + report.updated + report.empty + report.rejected
        return report


@pytest.fixture
def loader(move: Move) -> Loader:
    return Loader(move)


@pytest.mark.parametrize(
    "text", ["t1\nt2\n", "\ufefft1\r\nt2\r\n\r\n", "token\nt1\nt2", '"Token"\n"t1"\n"t2"\n', " t1\nt2 \n"]
)
async def test_one_token_a_line_with_or_without_header(loader: Loader, text: str) -> None:
    report = await loader.load(text)
    assert (report.created, report.updated, report.rejected) == (2, 0, 0)
    assert await loader.move.shown("token") == {udid_of("t1"): ("t1",), udid_of("t2"): ("t2",)}


async def test_loading_again_gives_the_same_devices(loader: Loader) -> None:
    await loader.load("t1\nt2;B\n".replace("t1", "t1;"))
    before = await loader.move.shown("token")
    report = await loader.load("t1;\nt2;B\n")
    assert (report.created, report.updated) == (0, 2)
    assert await loader.move.shown("token") == before == {udid_of("t1"): ("t1",), "B": ("t2",)}


async def test_lines_without_token_are_passed_over_with_their_number(loader: Loader) -> None:
    report = await loader.load('token;UDID\n-;A\n;B\nt1;C\n"";\n')
    assert (report.read, report.created, report.empty) == (4, 1, 3)
    assert set(await loader.move.shown()) == {"C"}


async def test_a_token_without_udid_goes_to_the_profile_that_holds_it(loader: Loader) -> None:
    """Devices that were imported before keep their token (v1 rule 70)."""
    await loader.load("t1;A\n")
    report = await loader.load("token;language\nt1;fr\nt2;de\n")
    assert (report.created, report.updated) == (1, 1)
    assert await loader.move.shown("token", "language") == {"A": ("t1", "fr"), udid_of("t2"): ("t2", "de")}


async def test_v1_rule_70_a_token_moves_to_the_udid_that_is_given(loader: Loader) -> None:
    await loader.load("t1;A\n")
    await loader.load("t1;B\n")
    assert await loader.move.shown("token") == {"A": (None,), "B": ("t1",)}


async def test_repeated_lines_are_one_device(loader: Loader) -> None:
    report = await loader.load("t1\nt1\nt2\n")
    assert (report.read, report.created, report.updated) == (3, 2, 1)
    assert len(await loader.move.shown()) == 2


async def test_further_columns_and_what_does_not_fit(loader: Loader) -> None:
    report = await loader.load(
        'UDID;device_token;opencount;language\nA;t1;3;fr\nB;t2;x;fr\nC;t3;1\n"D;t4;1;fr\nE;t5;;\n'
    )
    assert (report.read, report.created, report.rejected) == (5, 2, 3)
    assert sorted(reason.line for reason in report.reasons) == [3, 4, 5]
    assert report.rejects is not None
    assert await loader.move.shown("token", "opencount", "language") == {"A": ("t1", 3, "fr"), "E": ("t5", 0, None)}


async def test_the_progress_reaches_the_whole_of_a_file_of_many_pieces(loader: Loader) -> None:
    number = 12_345
    report = await loader.load("".join(f"t{n}\n" for n in range(number)))
    assert report.created == number
    assert loader.progress[-1] == TransferProgress(number, number, 0, number)
    assert len(loader.progress) == 3


async def test_a_dry_run_counts_and_writes_nothing(loader: Loader) -> None:
    await loader.load("t1;A\n")
    before = await loader.move.everything()
    text = "token;UDID;opencount\nt1;;1\nt2;B;1\n-;;\nt3;;x\nt2;B;2\n"
    told = await loader.load(text, dry_run=True)
    assert (told.created, told.updated, told.empty, told.rejected, told.rejects) == (1, 2, 1, 1, None)
    assert await loader.move.everything() == before
    done = await loader.load(text)
    assert (done.created, done.updated, done.empty, done.rejected) == (1, 2, 1, 1)


async def test_web_subscriptions_have_an_endpoint_and_two_keys(database: Database, move: Move) -> None:
    web = Loader(await moved(database, move.folder, Platform.WEB))
    first = f"https://push.example/1;{KEY};{SECRET}\n"
    assert (await web.load(first)).created == 1
    report = await web.load(
        f"auth,endpoint,p256dh,UDID\n{SECRET},https://push.example/2,{KEY},W\n{SECRET},https://push.example/3,AAAA,X\n"
    )
    assert (report.created, report.rejected) == (1, 1)
    async with database.connection() as conn:
        table = f"app_{web.move.app.id}.device"
        found = await tuples(conn, f"SELECT udid, octet_length(web_p256dh), octet_length(web_auth) FROM {table}")
    assert sorted(found) == sorted([(udid_of("https://push.example/1"), 65, 16), ("W", 65, 16)])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "0 values"),
        ("a;b;c\n", "3 values"),
        ("token;colour\nt;red\n", "colour"),
        ("token;Token\nt;t\n", "twice"),
        ("token;p256dh\nt;x\n", "p256dh"),
    ],
)
async def test_headers_that_cannot_be_loaded_say_what_to_do(loader: Loader, text: str, message: str) -> None:
    with pytest.raises(Invalid, match=message) as refused:
        await loader.load(text)
    assert "tokens.csv" in refused.value.message
    assert await loader.move.shown() == {}
