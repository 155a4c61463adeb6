"""Where requests go: every request of every connection to the gateway or endpoint that its path belongs to."""

from clarion.gateways.stub import control, fcm, oauth, webpush
from clarion.gateways.stub.board import Board
from clarion.gateways.stub.course import Course
from clarion.gateways.stub.exchange import Request
from clarion.gateways.stub.wire import CONTROL, Wire


class Switchboard(Board):
    """A board that takes requests."""

    def receive(self, wire: Wire, stream_id: int, request: Request) -> None:
        """Send a request to where its path belongs."""
        path = request.path
        if path.startswith(b"/3/"):
            self._push(self.courses["apns"], wire, stream_id, request)
        elif path.startswith(fcm.PREFIX):
            self._push(self.courses["fcm"], wire, stream_id, request)
        elif path.startswith(webpush.PREFIX):
            self._push(self.courses["webpush"], wire, stream_id, request)
        elif path == oauth.PATH:
            wire.answer(stream_id, self._oauth.answer(request))
        elif path.startswith(CONTROL):
            wire.answer(stream_id, control.answer(self, request))
        else:
            wire.answer(stream_id, control.no_such_path())

    def _push(self, course: Course, wire: Wire, stream_id: int, request: Request) -> None:
        wire.pushes += 1
        every = self.knobs.drop_connection_every
        if every and wire.pushes % every == 0:
            course.tally.arrive(request.at)
            course.tally.dropped += 1
            self.traffic.dropped += 1
            wire.abort()
            return
        course.take(wire, stream_id, request)
        if self.knobs.goaway_every and wire.pushes == self.knobs.goaway_every:
            self.traffic.goaways += 1
            wire.leave()
