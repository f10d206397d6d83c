"""What goes wrong, as exceptions.

Each code of the protocol has a class below Error. Where multiprocessing raises
something of its own, such as queue.Empty, the class is one of that, too.
"""

import multiprocessing
import queue
import threading

__all__ = [
    "Error", "NotFound", "Exists", "TypeMismatch", "BadName", "Closed", "WouldBlock", "Full", "Empty", "Locked",
    "NotOwner", "NotLocked", "OwnerDied", "OverRelease", "BrokenBarrier", "NoMemory", "TooLarge", "NotLocal",
    "Corrupt", "AuthError", "Unavailable", "ConnectionLost", "Canceled", "Deadline", "EndOfQueue", "RemoteError",
]


class Error(Exception):
    """An error of the coordinator; code is the protocol's, a text."""

    code = ""

    def __init__(self, message="", code=None):
        super().__init__(message)
        if code is not None:
            self.code = code


class NotFound(Error, LookupError):
    """No such object, kind, method, key or index."""

    code = "not_found"


class Exists(Error):
    """The name is taken."""

    code = "exists"


class TypeMismatch(Error, TypeError):
    """Arguments of the wrong type, or an object of another kind or element type."""

    code = "type"


class BadName(Error, ValueError):
    """A name that is empty, too long or not UTF-8."""

    code = "name"


class Closed(Error, ValueError):
    """The object was removed or closed, or the manager was closed."""

    code = "closed"


class WouldBlock(Error):
    """It would have to wait."""

    code = "would_block"


class Full(WouldBlock, queue.Full):
    """The queue is full."""

    code = "full"


class Empty(WouldBlock, queue.Empty):
    """The queue is empty."""

    code = "empty"


class Locked(WouldBlock):
    """Somebody else holds it."""

    code = "locked"


class NotOwner(Error, RuntimeError):
    """Somebody else holds the lock."""

    code = "not_owner"


class NotLocked(Error, RuntimeError):
    """Nobody holds the lock."""

    code = "not_locked"


class OwnerDied(Error, RuntimeError):
    """The process that held the lock died: recover() acquires it all the same."""

    code = "owner_died"


class OverRelease(Error, ValueError):
    """Released more often than acquired."""

    code = "over_release"


class BrokenBarrier(Error, threading.BrokenBarrierError):
    """The barrier is broken."""

    code = "broken"


class NoMemory(Error, MemoryError):
    """The coordinator's memory is used up."""

    code = "no_memory"


class TooLarge(Error, ValueError):
    """Beyond a limit of size, depth or number."""

    code = "too_large"


class NotLocal(Error):
    """It takes a process on the coordinator's machine."""

    code = "not_local"


class Corrupt(Error):
    """The shared memory is damaged."""

    code = "corrupt"


class AuthError(Error, multiprocessing.AuthenticationError):
    """The auth key, or the user, is not accepted; or the server does not know the key."""

    code = "auth"


class Unavailable(Error, ConnectionError):
    """There is no coordinator to talk to, or it is shutting down."""

    code = "unavailable"


class ConnectionLost(Unavailable, EOFError):
    """The connection ended before the reply came: what was asked for may have happened or not."""


class Canceled(Error):
    """The call was given up before anything happened."""

    code = "canceled"


class Deadline(Error, TimeoutError):
    """Out of time."""

    code = "deadline"


class EndOfQueue(Error, EOFError):
    """The queue was closed for writing, and is drained."""

    code = "eof"


class RemoteError(Error):
    """What a method of a registered type returned, or the panic in it."""

    code = "remote"

    def __init__(self, message="", type="", method=""):
        super().__init__(message)
        self.type = type
        self.method = method
        self.message = message

    def __str__(self):
        return f"{self.type}.{self.method}: {self.message}" if self.type or self.method else self.message

    def __reduce__(self):
        return type(self), (self.message, self.type, self.method)


def _all(cls):
    for sub in cls.__subclasses__():
        yield sub
        yield from _all(sub)


_BY_CODE = {cls.code: cls for cls in reversed(list(_all(Error)))}


def from_wire(item):
    """The exception for an error as the protocol has it."""
    code, message = item[0], item[1]
    if code == "remote":
        return RemoteError(message, *item[2:4])
    cls = _BY_CODE.get(code)
    return cls(message) if cls else Error(message, code)
