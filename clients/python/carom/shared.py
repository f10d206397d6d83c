"""Proxies of Value, Array and Queue."""

import array

from . import cbor
from .elements import element, size_of
from .errors import Canceled, Empty, Full, OverRelease
from .proxy import BaseProxy
from .sync import _Reentrant

__all__ = ["ValueProxy", "ArrayProxy", "QueueProxy", "OwnLockProxy"]


class OwnLockProxy(_Reentrant):
    """The lock that a value or an array has of its own; re-entrant."""


class _Memory(BaseProxy):
    """What has elements. The code says how they are meant, which the coordinator does not know."""

    _code = None
    _held = True

    def _extras(self):
        return {"_code": self._code} if self._code else {}

    def _element(self):
        e = self.__dict__.get("_e")
        if e is None:
            e = self._e = element(self._code or self._attached().type)
        return e

    def get_lock(self):
        """The lock that belongs to the object."""
        return OwnLockProxy(self._link, self._name, self._typeid)


class ValueProxy(_Memory, typeid="Value"):
    """One element. value += 1 is two steps, between which others may come; add is one."""

    def get(self):
        return self._element().unpack(self._call("load"))

    _getvalue = get

    def set(self, value):
        self._call("store", self._element().pack(value))

    value = property(get, set)

    def swap(self, value):
        """Stores value, and returns what was there."""
        e = self._element()
        return e.unpack(self._call("swap", e.pack(value)))

    def compare_and_swap(self, old, new):
        """Stores new if old is there, and reports whether it was."""
        e = self._element()
        return self._call("cas", e.pack(old), e.pack(new))

    def add(self, delta):
        """Adds delta, and returns the sum; integers wrap."""
        e = self._element()
        return e.unpack(self._call("add", e.pack(delta), e.text))

    def __str__(self):
        return f"{type(self).__name__[:-5]}({(self._code or self._attached().type)!r}, {self.get()!r})"


class ArrayProxy(_Memory, typeid="Array"):
    """Elements. A slice is an array.array where that has the type, else a list; assigning to
    a slice cannot change the length."""

    def __len__(self):
        return self._attached().details[0]

    def _at(self, i, what="array index out of range"):
        n = len(self)
        i = i.__index__()
        if i < 0:
            i += n
        if not 0 <= i < n:
            raise IndexError(what)
        return i

    def __getitem__(self, i):
        e = self._element()
        if not isinstance(i, slice):
            return e.unpack(self._call("load", self._at(i)))
        start, stop, step = i.indices(len(self))
        where = range(start, stop, step)
        if not where:
            return self._slice([])
        low, high = min(where), max(where)
        items = e.unpack_many(b"".join(self._read(low, high + 1)))
        return self._slice(items[:: step] if step > 0 else items[::-1][:: -step])

    def _read(self, i, j):
        a = self._attached()
        size = self._element().size
        most = max((a.connection.welcome.frame - 4096) // max(size, 1), 1)
        while i < j:
            n = min(most, j - i)
            yield self._call("read", i, n)
            i += n

    def _slice(self, items):
        code = self._element().code
        return array.array(code, items) if code else items

    def __setitem__(self, i, value):
        e = self._element()
        if not isinstance(i, slice):
            self._call("store", self._at(i, "array assignment index out of range"), e.pack(value))
            return
        where = range(*i.indices(len(self)))
        value = list(value)
        if len(value) != len(where):
            raise ValueError("Can only assign sequence of same size")
        if where.step == 1 and value:
            most = max((self._attached().connection.welcome.frame - 4096) // max(e.size, 1), 1)
            for k in range(0, len(value), most):
                self._call("write", where.start + k, e.pack_many(value[k : k + most]))
        else:
            self._calls([("store", at, e.pack(item)) for at, item in zip(where, value)])

    def __iter__(self):
        return iter(self[:])

    def _getvalue(self):
        return self[:]

    def add(self, i, delta):
        """Adds delta to an element, and returns the sum; integers wrap."""
        e = self._element()
        return e.unpack(self._call("add", self._at(i), e.pack(delta), e.text))

    def __str__(self):
        return repr(self[:])


class QueueProxy(BaseProxy, typeid="Queue"):
    """A queue of anything that can be encoded, with task_done and join.

    EndOfQueue (an EOFError) from get: close_write was called, and nothing is left.
    """

    def _pack(self, item):
        text = self._attached().type
        if size_of(text):
            return element(text).pack(item)
        return cbor.encode(item)

    def _unpack(self, b):
        a = self._attached()
        if size_of(a.type):
            return element(a.type).unpack(b)
        return cbor.decode(b, a.connection.tags)

    def put(self, item, block=True, timeout=None):
        """queue.Full: no room within timeout seconds."""
        b = self._pack(item)
        if not block:
            self._call("tryput", b)
            return
        _check(timeout)
        try:
            self._call("put", b, timeout=timeout)
        except Canceled:
            raise Full("the queue is full") from None

    def put_nowait(self, item):
        self.put(item, False)

    def get(self, block=True, timeout=None):
        """queue.Empty: nothing came within timeout seconds."""
        kept = self._attached().kept
        try:
            return self._unpack(kept.popleft())
        except IndexError:
            pass
        if not block:
            return self._unpack(self._call("tryget"))
        _check(timeout)
        try:
            # What comes when an exception has ended the wait is for the next get.
            return self._unpack(self._call("get", timeout=timeout, undo=kept.append))
        except Canceled:
            raise Empty("the queue is empty") from None

    def get_nowait(self):
        return self.get(False)

    def qsize(self):
        a = self._attached()
        return self._call("len") + len(a.kept)

    def empty(self):
        return self.qsize() == 0

    def full(self):
        most = self._attached().details[0]
        return 0 < most <= self._call("len")

    def task_done(self):
        """ValueError: more often than items were put."""
        try:
            self._call("taskdone")
        except OverRelease:
            raise OverRelease("task_done() called too many times") from None

    def join(self):
        """Waits until task_done was called for each item that was put."""
        self._call("join")

    def close_write(self):
        """Nothing can be put any more; what is there can be got."""
        self._call("closewrite")


def _check(timeout):
    if timeout is not None and timeout < 0:
        raise ValueError("'timeout' must be a non-negative number")
