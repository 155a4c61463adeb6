"""The other side's program: accounts in FastAPI with SQLAlchemy, as the documentation of both shows it.

    PYTHON bench/v2/plain_server.py SETTINGS

Asynchronous sessions over asyncpg, models of pydantic, a bearer token looked up for each request, the JSON that our
side sends. It has no quota, entity tags, idempotency keys, audit trail or events. It runs on the environment of the
peers and knows nothing of Clarion.
"""

# mypy: disable-error-code="import-not-found, untyped-decorator"

import hashlib
import json
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import uvicorn
from fastapi import Depends, FastAPI, HTTPException, Query, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict, Field, PlainSerializer
from pydantic.alias_generators import to_camel
from sqlalchemy import ARRAY, DateTime, ForeignKey, String, Text, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

SETTINGS = json.loads(Path(sys.argv[1]).read_text())


class Base(DeclarativeBase):
    """Tables."""


class Client(Base):
    """An API client."""

    __tablename__ = "client"
    client_id: Mapped[str] = mapped_column(primary_key=True)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    disabled: Mapped[bool] = mapped_column(default=False)


class Token(Base):
    """A token by its digest."""

    __tablename__ = "token"
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    client_id: Mapped[str] = mapped_column(ForeignKey("client.client_id"))
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Account(Base):
    """A customer organisation."""

    __tablename__ = "account"
    account_id: Mapped[str] = mapped_column(
        Text, primary_key=True, server_default=text("'ACC-' || nextval('account_number')")
    )
    name: Mapped[str]
    legal_name: Mapped[str]
    external_reference: Mapped[str | None] = mapped_column(unique=True)
    status: Mapped[str] = mapped_column(default="Active")
    currency: Mapped[str] = mapped_column(default="EUR")
    language: Mapped[str] = mapped_column(default="en")
    time_zone: Mapped[str] = mapped_column(default="UTC")
    partner_ids: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    created_date: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    last_modified_date: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Instant = Annotated[datetime, PlainSerializer(_written)]


class Model(BaseModel):
    """Members in camel case; unknown ones are refused."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, from_attributes=True, extra="forbid")


class AccountOut(Model):
    """An account as it is shown."""

    account_id: str
    name: str
    legal_name: str
    external_reference: str | None
    status: str
    currency: str
    language: str
    time_zone: str
    partner_ids: list[str]
    created_date: Instant
    last_modified_date: Instant


class AccountIn(Model):
    """A new account."""

    name: str = Field(min_length=1, max_length=200)
    legal_name: str = Field(min_length=1, max_length=200)
    external_reference: str | None = Field(None, min_length=1, max_length=200)
    status: str = Field("Active", pattern="^(Active|Suspended|Closed)$")
    currency: str = Field("EUR", pattern="^[A-Z]{3}$")
    language: str = Field("en", max_length=35)
    time_zone: str = Field("UTC", max_length=64)
    partner_ids: list[str] = Field([], max_length=50)


class AccountPatch(Model):
    """Members to change."""

    name: str | None = Field(None, min_length=1, max_length=200)
    legal_name: str | None = Field(None, min_length=1, max_length=200)
    external_reference: str | None = Field(None, min_length=1, max_length=200)
    currency: str | None = Field(None, pattern="^[A-Z]{3}$")
    language: str | None = Field(None, max_length=35)
    time_zone: str | None = Field(None, max_length=64)


class SelfLink(Model):
    """The address of a resource."""

    self: str


class One(Model):
    """The envelope of an account."""

    data: AccountOut
    links: SelfLink


class Metadata(Model):
    """Which part of the list a page is."""

    offset: int
    limit: int
    has_more: bool
    total: int
    sort: list[str]


class Links(Model):
    """Where the other pages are."""

    self: str
    first: str
    next: str | None
    previous: str | None


class Many(Model):
    """A page of accounts."""

    data: list[AccountOut]
    metadata: Metadata
    links: Links


engine = create_async_engine(
    "postgresql+asyncpg://", connect_args=SETTINGS["connect"], pool_size=SETTINGS["connections"], max_overflow=0
)
sessions = async_sessionmaker(engine, expire_on_commit=False)
bearer = HTTPBearer()
app = FastAPI()


async def session() -> AsyncIterator[AsyncSession]:
    """A session for the time of a request."""
    async with sessions() as opened:
        yield opened


Db = Annotated[AsyncSession, Depends(session)]


async def caller(db: Db, credentials: Annotated[HTTPAuthorizationCredentials, Depends(bearer)]) -> Client:
    """The client whose token the request carries."""
    digest = hashlib.sha256(credentials.credentials.encode()).hexdigest()
    query = select(Client).join(Token).where(Token.digest == digest, Token.expires_at > func.now())
    found = (await db.execute(query)).scalar_one_or_none()
    if found is None or found.disabled:
        raise HTTPException(401)
    return found


def may(scope: str) -> Any:
    """A dependency that asks for a scope."""

    async def check(client: Annotated[Client, Depends(caller)]) -> Client:
        if scope not in client.scopes:
            raise HTTPException(403)
        return client

    return Depends(check)


READ, WRITE = may("customerapi/basic.read"), may("customerapi/basic.read-write")


def _one(request: Request, account: Account) -> One:
    url = str(request.base_url.replace(path=f"/v2/accounts/{account.account_id}"))
    return One(data=AccountOut.model_validate(account), links=SelfLink(self=url))


@app.get("/v2/accounts", dependencies=[READ])
async def list_accounts(
    request: Request,
    db: Db,
    offset: Annotated[int, Query(alias="page[offset]", ge=0)] = 0,
    limit: Annotated[int, Query(alias="page[limit]", ge=1, le=200)] = 25,
) -> Many:
    """A page in the order of ids, with the number of all."""
    rows = (await db.execute(select(Account).order_by(Account.account_id).offset(offset).limit(limit))).scalars().all()
    total = (await db.execute(select(func.count()).select_from(Account))).scalar_one()

    def page(at: int) -> str:
        return str(request.url.include_query_params(**{"page[offset]": at, "page[limit]": limit}))

    more = offset + len(rows) < total
    return Many(
        data=[AccountOut.model_validate(row) for row in rows],
        metadata=Metadata(offset=offset, limit=limit, has_more=more, total=total, sort=["AccountId"]),
        links=Links(
            self=page(offset),
            first=page(0),
            next=page(offset + limit) if more else None,
            previous=page(max(0, offset - limit)) if offset else None,
        ),
    )


@app.get("/v2/accounts/{account_id}", dependencies=[READ])
async def get_account(request: Request, db: Db, account_id: str) -> One:
    """One of them."""
    found = await db.get(Account, account_id)
    if found is None:
        raise HTTPException(404)
    return _one(request, found)


@app.post("/v2/accounts", status_code=201, dependencies=[WRITE])
async def create_account(request: Request, db: Db, body: AccountIn) -> One:
    """A new one."""
    account = Account(**body.model_dump())
    db.add(account)
    await db.commit()
    return _one(request, account)


@app.patch("/v2/accounts/{account_id}", dependencies=[WRITE])
async def update_account(request: Request, db: Db, account_id: str, body: AccountPatch) -> One:
    """Change some members."""
    account = await db.get(Account, account_id, with_for_update=True)
    if account is None:
        raise HTTPException(404)
    for name, value in body.model_dump(exclude_unset=True).items():
        setattr(account, name, value)
    account.last_modified_date = datetime.now(UTC)
    await db.commit()
    return _one(request, account)


@app.get("/healthz")
async def healthz() -> dict[str, str]:
    """Alive."""
    return {"status": "alive"}


async def prepare() -> None:
    """Tables, accounts, a client with its token."""
    async with engine.begin() as conn:
        await conn.execute(text("CREATE SEQUENCE account_number START 100000001"))
        await conn.run_sync(Base.metadata.create_all)
        fill = """
            INSERT INTO account
                (name, legal_name, external_reference, status, currency, language, time_zone, partner_ids)
            SELECT 'Account ' || n, 'Account ' || n || ' B.V.', 'REF-' || n, 'Active', 'EUR', 'en', 'UTC', '{}'
            FROM generate_series(1, :made) AS n
        """
        await conn.execute(text(fill), {"made": SETTINGS["accounts"]})
        scopes = "ARRAY['customerapi/basic.read', 'customerapi/basic.read-write']"
        await conn.execute(text(f"INSERT INTO client VALUES ('bench', {scopes}, false)"))
        digest = hashlib.sha256(SETTINGS["token"].encode()).hexdigest()
        await conn.execute(
            text("INSERT INTO token VALUES (:digest, 'bench', now() + interval '1 day')"), {"digest": digest}
        )


async def serve() -> None:
    """Prepare, then serve on loopback."""
    await prepare()
    config = uvicorn.Config(app, "127.0.0.1", SETTINGS["port"], access_log=False, log_level="warning")
    await uvicorn.Server(config).serve()


if __name__ == "__main__":
    import uvloop

    uvloop.run(serve())
