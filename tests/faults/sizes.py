"""How large a series of runs is: in the suite, on a desk, at night."""

from msgspec import Struct


class Size(Struct, frozen=True, kw_only=True):
    """Figures of all runs. Times in seconds, `rate` is notifications a second that the stub answers.

    `kills` are divided among `kill_sends` sends of `kill_devices` devices, for each guarantee. `streams` is the wide
    limit of the run that narrows it to one. `resume_within`: the latest resumption after a `Retry-After`; the suite
    runs on machines that have other things to do as well.
    """

    name: str
    seed: int = 1
    senders: int = 2
    devices: int
    rate: int
    kills: int
    kill_sends: int
    kill_devices: int
    kill_rate: int
    retry_after: int
    outage: float
    resume_within: float
    streams: int
    goaway_every: int
    stall: float
    full: float
    restarts: int
    send_within: float


QUICK = Size(
    name="quick",
    devices=2_500,
    rate=2_000,
    kills=5,
    kill_sends=1,
    kill_devices=4_000,
    kill_rate=800,
    retry_after=2,
    outage=6,
    resume_within=5,
    streams=100,
    goaway_every=200,
    stall=2,
    full=2,
    restarts=2,
    send_within=240,
)

DESK = Size(
    name="desk",
    devices=20_000,
    rate=1_500,
    kills=20,
    kill_sends=4,
    kill_devices=20_000,
    kill_rate=1_500,
    retry_after=30,
    outage=120,
    resume_within=1,
    streams=1_000,
    goaway_every=1_000,
    stall=30,
    full=10,
    restarts=4,
    send_within=600,
)

NIGHTLY = Size(
    name="nightly",
    devices=100_000,
    rate=2_500,
    kills=200,
    kill_sends=20,
    kill_devices=100_000,
    kill_rate=2_500,
    retry_after=30,
    outage=120,
    resume_within=1,
    streams=1_000,
    goaway_every=5_000,
    stall=30,
    full=30,
    restarts=10,
    send_within=1_200,
)
