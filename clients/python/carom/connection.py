"""A session with a coordinator over one connection.

Requests of many threads are under way at once: each waits for its own reply
only, which one reader thread hands out.
"""

import collections
import threading
import weakref

from . import cbor
from .errors import ConnectionLost, Error, TooLarge, Unavailable, from_wire
from .handshake import frame, shake
from .transport import dial

__all__ = ["Connection"]

# How long a call that an exception interrupts waits for its cancellation.
_PATIENCE = 5.0


class Call:
    """A request under way."""

    __slots__ = ("id", "done", "reply", "lost")

    def __init__(self):
        self.id = 0
        self.done = threading.Lock()  # held until there is a reply
        self.done.acquire()
        self.reply = None
        self.lost = None

    def wait(self, timeout):
        """Reports whether it is over, after timeout seconds at most; None: whenever it is."""
        if timeout is None:
            self.done.acquire()
        elif not self.done.acquire(timeout=min(max(timeout, 0), threading.TIMEOUT_MAX)):
            return False
        self.done.release()
        return True

    def result(self, read):
        if self.lost is not None:
            raise self.lost
        flags, d = self.reply
        if flags & 1:
            raise from_wire(d.item())
        return read(d)


class Connection:
    """Ends with the process, with close, or when the coordinator goes; then alive is False."""

    def __init__(self, address, key, timeout, ssl_context):
        self.address = address
        self.alive = False
        self.tags = {}
        self.attached = weakref.WeakValueDictionary()  # (kind, name) → Attachment
        self.attaching = threading.Lock()
        # Requests about what nobody holds any more, (method, argument). Whoever collects
        # garbage may do so in the middle of anything, so they are only noted.
        self.garbage = collections.deque()
        self._sending = threading.Lock()
        self._last = 0
        self._moved = 0  # bytes that have come
        self._pending = {}  # id → Call, or None where nobody waits
        self._why = None
        self._stream = dial(address, timeout, ssl_context)
        try:
            self._stream.bound(timeout)
            self.welcome = shake(self._stream, key)
            self._stream.bound(None)
        except (OSError, ValueError) as e:
            self._stream.close()
            if isinstance(e, (Unavailable, TooLarge)):
                raise
            raise Unavailable(f"{address}: the handshake: {e}") from e
        except BaseException:
            self._stream.close()
            raise
        self.alive = True
        self._reader = threading.Thread(target=self._read, name=f"carom {address}", daemon=True)
        self._reader.start()

    # --- requests

    def call(self, handle, method, args, *, read=cbor.Decoder.item, timeout=None, undo=None):
        """The result of a method, read from the reply by read.

        After timeout seconds the request is cancelled. Canceled is raised only
        if nothing has happened: a result that comes all the same is returned.
        Where an exception interrupts the wait, undo gets the result that nobody
        will, if there is one.
        """
        c = self.send(handle, method, args)
        try:
            if not c.wait(timeout):
                self._send(None, 0, "cancel", [c.id])
                self._until_over(c)
        except BaseException:
            self._give_up(c, read, undo)
            raise
        return c.result(read)

    def _until_over(self, c):
        """Waits for the reply to what was cancelled. It may take its time: a condition has to
        have its lock again. A coordinator that says nothing at all is given up."""
        while not c.wait(_PATIENCE):
            before, ping = self._moved, self.send(0, "ping", [])
            if not ping.wait(_PATIENCE) and self._moved == before:
                self._lose("the coordinator does not answer")

    def _give_up(self, c, read, undo):
        try:
            self._send(None, 0, "cancel", [c.id])
            if c.wait(_PATIENCE) and undo is not None:
                undo(c.result(read))
        except Error:
            pass

    def send(self, handle, method, args):
        """Sends a request, and returns its Call. Errors are those of the connection."""
        c = Call()
        self._send(c, handle, method, args)
        return c

    def finish(self, calls, read=cbor.Decoder.item):
        """The results of calls, in their order, when all are over; the first error, if any."""
        for c in calls:
            c.wait(None)
        return [c.result(read) for c in calls]

    def _send(self, c, handle, method, args):
        tail = cbor.encode(args)
        if len(tail) + 1100 > self.welcome.frame:
            raise TooLarge(f"{method}: arguments of {len(tail)} bytes, the limit of a frame is {self.welcome.frame}")
        with self._sending:
            if not self.alive:
                raise self._why_lost()
            data = bytearray()
            while self.garbage:
                what, arg = self.garbage.popleft()
                self._append(data, None, True, 0, what, cbor.encode([arg]))
            self._append(data, c, c is not None, handle, method, tail)
            self._write(data)

    def _append(self, data, c, wants_reply, handle, method, tail):
        id = 0
        if wants_reply:
            self._last += 1
            id = self._last
            self._pending[id] = c
            if c is not None:
                c.id = id
        body = b"\x84" + cbor.encode(id) + cbor.encode(handle) + cbor.encode(method) + tail
        data += len(body).to_bytes(4, "big")
        data += body

    def _write(self, data):
        try:
            self._stream.sendall(data)
        except OSError as e:
            self._lose(e)
            raise self._why_lost() from e
        except BaseException:
            # Nobody knows how much of the frame is out.
            self._lose("a signal interrupted a request while it was being sent")
            raise

    def flush(self):
        """Lets go of what nobody holds any more."""
        if self.garbage:
            self.call(0, "ping", [])

    # --- replies

    def _read(self):
        try:
            self._read_all()
        except (OSError, ValueError, Unavailable) as e:
            self._lose(e)
        finally:
            with self._sending:  # nobody writes to what this number may mean next
                self._stream.close()

    def _read_all(self):
        buf = bytearray()
        while True:
            while len(buf) >= 4:
                n = int.from_bytes(buf[:4], "big")
                if not 0 < n <= self.welcome.frame:
                    raise cbor.DecodeError(f"a frame of {n} bytes")
                if len(buf) < 4 + n:
                    break
                self._hand_out(bytes(memoryview(buf)[4 : 4 + n]))
                del buf[: 4 + n]
            more = self._stream.recv(1 << 18)
            if not more:
                raise ConnectionLost("the coordinator closed the connection")
            buf += more
            self._moved += len(more)

    def _hand_out(self, body):
        d = cbor.Decoder(body, self.tags)
        d.array()
        id, flags = d.item(), d.item()
        if id == 0:
            raise from_wire(d.item())
        c = self._pending.pop(id, None)
        if c is not None:
            c.reply = flags, d
            c.done.release()

    # --- the end

    def _lose(self, why):
        """Ends everything that waits; only the first reason counts."""
        if self._why is None:
            self._why = why
        self.alive = False
        self._stream.abort()
        while self._pending:
            try:
                _, c = self._pending.popitem()
            except KeyError:
                break
            if c is not None:
                c.lost = self._why_lost()
                c.done.release()

    def _why_lost(self):
        why = self._why
        return ConnectionLost(f"{self.address}: {why}" if why else f"{self.address}: the connection is closed")

    def close(self, names=()):
        """Removes the objects of these names, and ends the session."""
        try:
            calls = [self.send(0, "remove", [name]) for name in names]
            if threading.current_thread() is not self._reader:
                for c in calls:
                    c.wait(_PATIENCE)
        except Unavailable:
            pass  # there is nothing left to end
        with self._sending:
            if self._why is None:
                self._why = "the manager was closed"
            if self.alive:
                self.alive = False
                self._stream.finish()
        if threading.current_thread() is not self._reader:
            self._reader.join(_PATIENCE)
            self._stream.abort()

    def forget(self):
        """In a child of fork: the connection is the parent's, and this copy of it must
        not keep it open when the parent goes."""
        self.alive = False
        self._why = "it belongs to the process that this one was forked from"
        self._pending.clear()
        self.garbage.clear()
        self._stream.close()
