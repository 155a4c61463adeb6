"""API clients with their tokens, how often each may call, and what a client was answered under an idempotency key.

Who calls and whether they may call so often is found out by one function, in one round trip. Windows and buckets are
unlogged: after a crash of the server everybody begins anew. They run on the plain clock.
"""

from alembic import op

revision = "0017"
down_revision = "0016"

_CLIENTS = """
CREATE TABLE clarion.api_client (
    client_id        text COLLATE "C" PRIMARY KEY,
    account_id       text COLLATE "C",
    api_client_name  text NOT NULL,
    scopes           text[] NOT NULL,
    secret_digest    bytea NOT NULL,
    owner_state      text NOT NULL DEFAULT 'Active' CHECK (owner_state IN ('Active', 'Suspended', 'Closed')),
    reads            integer CHECK (reads > 0),
    reads_a_second   double precision CHECK (reads_a_second > 0),
    writes_a_minute  integer CHECK (writes_a_minute > 0),
    created_date     timestamptz(3) NOT NULL DEFAULT clarion.now(),
    last_used_date   timestamptz(3)
);
CREATE INDEX api_client_account ON clarion.api_client (account_id, client_id);
CREATE TABLE clarion.api_token (
    digest      bytea PRIMARY KEY,
    client_id   text COLLATE "C" NOT NULL REFERENCES clarion.api_client ON DELETE CASCADE,
    scopes      text[] NOT NULL,
    guest_id    text COLLATE "C",
    issued_at   timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL
);
CREATE INDEX api_token_client ON clarion.api_token (client_id);
CREATE INDEX api_token_expiry ON clarion.api_token (expires_at);
CREATE TABLE clarion.saved_reply (
    key          bytea PRIMARY KEY,
    client_id    text COLLATE "C" NOT NULL REFERENCES clarion.api_client ON DELETE CASCADE,
    fingerprint  bytea NOT NULL,
    status       smallint NOT NULL,
    headers      jsonb NOT NULL,
    body         bytea NOT NULL,
    saved_at     timestamptz NOT NULL DEFAULT clarion.now()
);
CREATE INDEX saved_reply_client ON clarion.saved_reply (client_id);
CREATE INDEX saved_reply_age ON clarion.saved_reply (saved_at);
ALTER TABLE clarion.audit ADD COLUMN client_id text;
"""

_RATES = """
CREATE UNLOGGED TABLE clarion.read_bucket (
    name     text COLLATE "C" PRIMARY KEY,
    permits  double precision NOT NULL,
    at       timestamptz NOT NULL
) WITH (fillfactor = 50);
CREATE UNLOGGED TABLE clarion.rate_window (
    name     text COLLATE "C" PRIMARY KEY,
    ticks    bigint[] NOT NULL DEFAULT '{}',
    counts   integer[] NOT NULL DEFAULT '{}',
    shut_to  timestamptz,
    at       timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 50);
CREATE INDEX rate_window_age ON clarion.rate_window (at);

-- One more of what may happen `quota` times within any `seconds`. Instants are kept to a six hundredth of the window
-- and leave it when the last of them has: never more than the quota, at most that much later than need be.
CREATE FUNCTION clarion.take_in_window(
    whose text, quota integer, seconds integer, OUT granted boolean, OUT remaining integer, OUT wait double precision
) LANGUAGE plpgsql AS $body$
DECLARE
    grain    double precision := seconds / 600.0;
    had      clarion.rate_window;
    instant  double precision;
    tick     bigint;
    first    integer := 1;
    used     integer;
BEGIN
    SELECT * INTO had FROM clarion.rate_window WHERE name = whose FOR UPDATE;
    IF NOT FOUND THEN
        INSERT INTO clarion.rate_window (name) VALUES (whose) ON CONFLICT (name) DO NOTHING;
        SELECT * INTO STRICT had FROM clarion.rate_window WHERE name = whose FOR UPDATE;
    END IF;
    instant := extract(epoch FROM clock_timestamp());
    tick := floor(instant / grain);
    IF cardinality(had.ticks) > 0 AND had.ticks[cardinality(had.ticks)] > tick THEN
        had.ticks := '{}';  -- the clock has been set back
        had.counts := '{}';
    END IF;
    WHILE first <= cardinality(had.ticks) AND (had.ticks[first] + 1) * grain <= instant - seconds LOOP
        first := first + 1;
    END LOOP;
    had.ticks := had.ticks[first:];
    had.counts := had.counts[first:];
    SELECT coalesce(sum(n), 0) INTO used FROM unnest(had.counts) AS n;
    granted := used < quota;
    IF granted THEN
        used := used + 1;
        IF cardinality(had.ticks) > 0 AND had.ticks[cardinality(had.ticks)] = tick THEN
            had.counts[cardinality(had.counts)] := had.counts[cardinality(had.counts)] + 1;
        ELSE
            had.ticks := had.ticks || tick;
            had.counts := had.counts || 1;
        END IF;
        UPDATE clarion.rate_window
           SET ticks = had.ticks, counts = had.counts, at = clock_timestamp() WHERE name = whose;
    END IF;
    remaining := greatest(0, quota - used);
    wait := CASE WHEN used = 0 THEN 0 ELSE (had.ticks[1] + 1) * grain + seconds - instant END;
END
$body$;

-- One more from a bucket of `burst` that fills by `rate` a second.
CREATE FUNCTION clarion.take_from_bucket(
    whose text, burst integer, rate double precision,
    OUT granted boolean, OUT remaining integer, OUT wait double precision
) LANGUAGE plpgsql AS $body$
DECLARE
    had     clarion.read_bucket;
    filled  double precision;
BEGIN
    SELECT * INTO had FROM clarion.read_bucket WHERE name = whose FOR UPDATE;
    IF NOT FOUND THEN
        INSERT INTO clarion.read_bucket VALUES (whose, burst, clock_timestamp()) ON CONFLICT (name) DO NOTHING;
        SELECT * INTO STRICT had FROM clarion.read_bucket WHERE name = whose FOR UPDATE;
    END IF;
    filled := least(burst, had.permits + greatest(0, extract(epoch FROM clock_timestamp() - had.at)) * rate);
    granted := filled >= 1;
    IF granted THEN
        filled := filled - 1;
    END IF;
    UPDATE clarion.read_bucket SET permits = filled, at = clock_timestamp() WHERE name = whose;
    remaining := floor(filled);
    wait := CASE WHEN filled >= burst THEN 0 ELSE (floor(filled) + 1 - filled) / rate END;
END
$body$;

-- Whose token it is, and whether they may call once more. No row for a token that is unknown or has ended.
CREATE FUNCTION clarion.admit_client(
    token bytea, writing boolean, common_reads integer, common_rate double precision, common_writes integer
) RETURNS TABLE (
    client_id text, account_id text, owner_state text, scopes text[], guest_id text,
    granted boolean, quota integer, seconds integer, remaining integer, wait double precision
) LANGUAGE plpgsql AS $body$
#variable_conflict use_column
DECLARE
    c      clarion.api_client;
    whose  text;
    rate   double precision;
BEGIN
    SELECT t.scopes, t.guest_id, t.client_id INTO scopes, guest_id, whose
      FROM clarion.api_token AS t WHERE t.digest = token AND t.expires_at > clarion.now();
    IF NOT FOUND THEN
        RETURN;
    END IF;
    SELECT * INTO STRICT c FROM clarion.api_client AS k WHERE k.client_id = whose;
    IF c.owner_state = 'Closed' THEN
        RETURN;
    END IF;
    IF c.last_used_date IS NULL OR c.last_used_date < clarion.now() - interval '1 minute' THEN
        UPDATE clarion.api_client AS k SET last_used_date = clarion.now() WHERE k.client_id = whose;
    END IF;
    client_id := c.client_id;
    account_id := c.account_id;
    owner_state := c.owner_state;
    whose := whose || ':' || coalesce(guest_id, '');
    IF writing THEN
        quota := coalesce(c.writes_a_minute, common_writes);
        seconds := 60;
        SELECT w.granted, w.remaining, w.wait INTO granted, remaining, wait
          FROM clarion.take_in_window('write:' || whose, quota, seconds) AS w;
    ELSE
        quota := coalesce(c.reads, common_reads);
        rate := coalesce(c.reads_a_second, common_rate);
        seconds := ceil(quota / rate);
        SELECT b.granted, b.remaining, b.wait INTO granted, remaining, wait
          FROM clarion.take_from_bucket('read:' || whose, quota, rate) AS b;
    END IF;
    RETURN NEXT;
END
$body$;
"""
_DOWN = """
DROP FUNCTION clarion.admit_client(bytea, boolean, integer, double precision, integer);
DROP FUNCTION clarion.take_from_bucket(text, integer, double precision);
DROP FUNCTION clarion.take_in_window(text, integer, integer);
DROP TABLE clarion.rate_window;
DROP TABLE clarion.read_bucket;
ALTER TABLE clarion.audit DROP COLUMN client_id;
DROP TABLE clarion.saved_reply;
DROP TABLE clarion.api_token;
DROP TABLE clarion.api_client;
"""


def upgrade() -> None:
    for statements in (_CLIENTS, _RATES):
        op.get_bind().exec_driver_sql(statements)


def downgrade() -> None:
    op.get_bind().exec_driver_sql(_DOWN)
