"""The APNs gateway: one application over one channel."""

from functools import partial

from clarion.gateways import origins, verdicts
from clarion.gateways.apns import answers, auth, request
from clarion.gateways.apns.credentials import ApnsCredentials, SigningKey
from clarion.gateways.seam import Done, Fate, Notification, Verdict
from clarion.http.h2 import Answer, Channel, Failure, client_tls

_BAD_TOKEN = Verdict(Fate.DEAD_TOKEN, "BadDeviceToken: it is not hexadecimal")


class ApnsGateway:
    """`Gateway` for APNs. `endpoint` replaces the environment's address, `ca_file` the machine's authorities."""

    def __init__(
        self, credentials: ApnsCredentials, *, endpoint: str | None = None, ca_file: str | None = None
    ) -> None:
        origin = origins.origin_of(credentials.endpoint if endpoint is None else endpoint)
        self._host = origins.authority_of(origin)
        authentication = credentials.authentication
        if isinstance(authentication, SigningKey):
            self._token: auth.ProviderToken | None = auth.ProviderToken(authentication)
            tls = client_tls(ca_file=ca_file)
        else:
            self._token = None
            tls = auth.certificate_tls(authentication, ca_file)
        self._head = request.RequestHead(self._host, credentials.topic)
        self._channel = Channel(origin, tls=tls)

    def send(self, notification: Notification, done: Done) -> None:
        """See `Gateway.send`."""
        path = request.device_path(notification.token)
        if path is None:
            verdicts.later(done, _BAD_TOKEN)
            return
        authorization = self._token.current() if self._token else None
        answered = partial(self._answered, notification, done, authorization)
        self._channel.submit(self._head.fields(notification, path, authorization), notification.payload, answered)

    def _answered(
        self, notification: Notification, done: Done, renewable: bytes | None, outcome: Answer | Failure
    ) -> None:
        if isinstance(outcome, Failure):
            done(verdicts.of_failure(self._host, outcome))
        elif outcome.status == 200:
            done(verdicts.DELIVERED)
        elif (
            renewable is None
            or not answers.calls_token_expired(outcome)
            or not self._again(notification, done, renewable)
        ):
            done(answers.of(outcome))

    def _again(self, notification: Notification, done: Done, expired: bytes) -> bool:
        """Send once more with a renewed provider token, if there is one."""
        renewed = self._token.renew(expired) if self._token else None
        path = request.device_path(notification.token)
        if renewed is None or path is None:
            return False
        answered = partial(self._answered, notification, done, None)
        self._channel.submit(self._head.fields(notification, path, renewed), notification.payload, answered)
        return True

    @property
    def room(self) -> int:
        """See `Gateway.room`."""
        return self._channel.room

    @property
    def streams(self) -> tuple[int, int]:
        """(in use, allowed): streams of the connections that are open."""
        return self._channel.streams

    async def wait_room(self) -> None:
        """See `Gateway.wait_room`."""
        await self._channel.wait_room()

    async def aclose(self, drain: float = 5.0) -> None:
        """See `Gateway.aclose`."""
        await self._channel.aclose(drain)
