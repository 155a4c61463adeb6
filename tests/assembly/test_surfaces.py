"""What an api process serves."""

from pathlib import Path

from clarion.assembly import surfaces
from clarion.base.sealing import Sealer
from clarion.base.settings import Settings
from clarion.db.pool import Database
from tests.api.asgi import call
from tests.api.v2.client import NoHealth

HOST = {"Host": "push.example"}


async def test_an_installation_serves_its_reference(database: Database, sealer: Sealer, tmp_path: Path) -> None:
    app = surfaces.build(database, sealer, Settings(data_dir=tmp_path), NoHealth())
    assert (await call(app, "GET", "/reference", headers=HOST)).status == 200
    for name in ("v1", "v2", "sdk", "admin"):
        assert (await call(app, "GET", f"/reference/{name}.json", headers=HOST)).status == 200
    document = await call(app, "GET", "/reference/v2.openapi.json", headers=HOST)
    assert document.body == (await call(app, "GET", "/v2/openapi.json", headers=HOST)).body


async def test_the_reference_names_the_address_that_was_set(database: Database, sealer: Sealer, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, public_url="https://api.shop.example/")
    app = surfaces.build(database, sealer, settings, NoHealth())
    answer = await call(app, "GET", "/reference/v1.openapi.json", headers=HOST)
    assert b'"servers":[{"url":"https://api.shop.example"}]' in answer.body
