"""The handshake: both sides prove that they hold the auth key."""

import hmac
import os

from . import cbor
from .errors import AuthError, ConnectionLost, Unavailable, from_wire

__all__ = ["Welcome", "shake", "read_frame", "frame"]

VERSION = 1
_SMALL = 4096
_LARGE = 1 << 20


class Welcome:
    """What the coordinator said of itself and of the session."""

    def __init__(self, item):
        self.session, self.resumed, self.epoch, self.frame, self.depth, self.payload = item[2:8]
        self.options = item[9] if len(item) > 9 else {}


def frame(item):
    """The bytes of a frame that holds item."""
    body = cbor.encode(item)
    return len(body).to_bytes(4, "big") + body


def read_exactly(stream, n):
    b = bytearray()
    while len(b) < n:
        more = stream.recv(n - len(b))
        if not more:
            raise ConnectionLost("the coordinator closed the connection")
        b += more
    return bytes(b)


def read_frame(stream, limit):
    """The item of the next frame."""
    n = int.from_bytes(read_exactly(stream, 4), "big")
    if not 0 < n <= limit:
        raise cbor.DecodeError(f"a frame of {n} bytes")
    return read_exactly(stream, n)


def mac(key, role, version, client, server, session):
    text = b"carom " + role + bytes([version]) + client + server + session
    return hmac.new(key, text, "sha256").digest()


def _answer(stream, limit):
    item = cbor.decode(read_frame(stream, limit))
    if not isinstance(item, list) or len(item) < 3:
        raise cbor.DecodeError("it is not one of this protocol")
    if item[0] != 0:
        raise from_wire(item[1:])
    return item


def shake(stream, key, session=b"", options=None):
    """The Welcome. AuthError: one side does not have the other's key."""
    client = os.urandom(32)
    stream.sendall(frame(["carom", VERSION, client, session, options or {}]))
    _, version, server = _answer(stream, _SMALL)[:3]
    if version != VERSION:
        raise Unavailable(f"the coordinator speaks version {version} of the protocol, this client {VERSION}")
    stream.sendall(frame([mac(key, b"client", version, client, server, session)]))
    item = _answer(stream, _LARGE)
    if len(item) < 9:
        raise cbor.DecodeError("a welcome that is cut short")
    if not hmac.compare_digest(item[1], mac(key, b"server", version, client, server, item[2])):
        raise AuthError("the coordinator does not have the auth key")
    return Welcome(item)
