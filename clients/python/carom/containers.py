"""Proxies of the objects that live in the coordinator: dict, list, Namespace.

Keys and items are equal here if their encodings are: 1, 1.0 and True are
three. Tuples come back as lists, except in keys.
"""

from . import cbor
from .errors import NotFound, TooLarge, TypeMismatch
from .proxy import BaseProxy

__all__ = ["DictProxy", "ListProxy", "NamespaceProxy"]

_CHUNK = 4 << 20  # bytes of one request that brings many items
_END = (1 << 63) - 1
_MISSING = object()


def _chunks(proxy, items, *, step=1):
    """Lists of encoded items that fit into requests; step of them stay together."""
    most = min(_CHUNK, proxy._attached().connection.welcome.frame // 4)
    chunk, size = [], 0
    for item in items:
        group = [cbor.Encoded(cbor.encode(part)) for part in (item if step > 1 else (item,))]
        chunk += group
        size += sum(len(part.data) for part in group)
        if size >= most:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


class _Stream:
    """The items of a stream, read batch by batch; read makes a list of a batch."""

    def __init__(self, proxy, method, args, read):
        self._a = proxy._attached()
        self._read = read
        self._id, self._more, self._batch = self._ask(0, "stream", [self._a.handle, method, args], True)

    def _ask(self, handle, method, args, first=False):
        def reply(d):
            d.array()
            stream = d.item() if first else self._id
            more = d.item()
            return stream, more, None if d.null() else self._read(d)

        return self._a.connection.call(handle, method, args, read=reply)

    def batches(self):
        while True:
            if self._batch is not None:
                batch, self._batch = self._batch, None
                yield batch
            if not self._more:
                return
            self._more = False  # an error ends it, too
            _, self._more, self._batch = self._ask(0, "next", [self._id])

    def __del__(self):
        if getattr(self, "_more", False) and self._a.connection.alive:
            self._a.connection.garbage.append(("end", self._id))


def _items(d):
    return d.item()


def _keys(d):
    return [d.item(True) for _ in range(d.array())]


def _pairs(d):
    return [(d.item(True), d.item()) for _ in range(d.array() // 2)]


def _value(d):
    """The value of an entry, [value, version], or _MISSING for null."""
    if d.null():
        return _MISSING
    d.array()
    return d.item()


class DictProxy(BaseProxy, typeid="Dict"):
    """A dict. keys, values, items and copy are lists and dicts of one moment."""

    def __contains__(self, key):
        hash(key)
        return self._call("contains", key)

    def __getitem__(self, key):
        hash(key)
        v = self._call("get", key, read=_value)
        if v is _MISSING:
            raise KeyError(key)
        return v

    def __setitem__(self, key, value):
        hash(key)
        self._call("set", key, value)

    def __delitem__(self, key):
        hash(key)
        if not self._call("delete", key):
            raise KeyError(key)

    def __len__(self):
        return self._call("len")

    def __iter__(self):
        """RuntimeError from the iterator: the size was found to have changed."""
        return _keys_while_same(self, len(self))

    def _snapshot(self, part, read):
        return [x for batch in _Stream(self, "snapshot", [part], read).batches() for x in batch]

    def keys(self):
        return self._snapshot(1, _keys)

    def values(self):
        return self._snapshot(2, _items)

    def items(self):
        return self._snapshot(0, _pairs)

    def copy(self):
        return dict(self.items())

    _getvalue = copy

    def clear(self):
        self._call("clear")

    def get(self, key, default=None):
        hash(key)
        v = self._call("get", key, read=_value)
        return default if v is _MISSING else v

    def setdefault(self, key, default=None):
        hash(key)
        return self._call("setdefault", key, default, read=_value)

    def pop(self, key, *default):
        hash(key)
        if len(default) > 1:
            raise TypeError(f"pop expected at most 2 arguments, got {1 + len(default)}")
        v = self._call("pop", key, read=_value)
        if v is not _MISSING:
            return v
        if default:
            return default[0]
        raise KeyError(key)

    def popitem(self):
        def entry(d):
            d.array()
            return d.item(True), d.item()

        self._attached()
        try:
            return self._call("popitem", read=entry)
        except NotFound:
            raise KeyError("popitem(): dictionary is empty") from None

    def update(self, *args, **kwargs):
        """All at once where it fits into a request; in several parts beyond 4 MiB."""
        for chunk in _chunks(self, dict(*args, **kwargs).items(), step=2):
            self._call("update", *chunk)

    def add(self, key, delta):
        """Adds an int or a float to a value, which counts as 0 where there is none, and returns the sum.

        This happens in the coordinator: nothing another process does comes in between.
        """
        hash(key)
        return self._call("add", key, delta, "float64" if isinstance(delta, float) else "int64")

    def __str__(self):
        return repr(self.copy())


def _keys_while_same(proxy, size):
    def check():
        if len(proxy) != size:
            raise RuntimeError("dictionary changed size during iteration")

    stream = _Stream(proxy, "snapshot", [1], _keys)
    check()
    for batch in stream.batches():
        yield from batch
        check()


class ListProxy(BaseProxy, typeid="List"):
    """A list. Iterating reads item by item, and sees what others change; [:] is a list of one moment.

    What the coordinator has no method for is several steps, between which
    others may come: *=, assigning to a slice, sort with a key.
    """

    def _snapshot(self):
        return [x for batch in _Stream(self, "snapshot", [], _items).batches() for x in batch]

    _getvalue = copy = _snapshot

    def __len__(self):
        return self._call("len")

    def __contains__(self, item):
        return self._call("contains", item)

    def __getitem__(self, i):
        if not isinstance(i, slice):
            return self._at("get", "list index out of range", i)
        if i.step in (None, 1) and (i.start is not None or i.stop is not None):
            try:
                return self._call("slice", 0 if i.start is None else i.start, _END if i.stop is None else i.stop)
            except TooLarge:
                pass  # for one frame
        return self._snapshot()[i]

    def _at(self, method, missing, i, *args):
        self._attached()  # its not_found is another one
        try:
            return self._call(method, _index(i), *args)
        except NotFound:
            raise IndexError(missing) from None

    def __setitem__(self, i, value):
        if not isinstance(i, slice):
            self._at("set", "list assignment index out of range", i, value)
            return
        value = list(value)
        size = len(self)
        start, stop, step = i.indices(size)
        if step == 1:
            self._calls([("delete", start, max(start, stop)), *_inserts(self, start, value)])
            return
        where = range(start, stop, step)
        if len(where) != len(value):
            raise ValueError(
                f"attempt to assign sequence of size {len(value)} to extended slice of size {len(where)}"
            )
        self._calls(("set", at, item) for at, item in zip(where, value))

    def __delitem__(self, i):
        if not isinstance(i, slice):
            self._at("pop", "list assignment index out of range", i)
            return
        start, stop, step = i.indices(len(self))
        if step == 1:
            self._call("delete", start, max(start, stop))
            return
        where = sorted(range(start, stop, step), reverse=True)
        self._calls(("delete", at, at + 1) for at in where)

    def __add__(self, other):
        return self._snapshot() + (other._snapshot() if isinstance(other, ListProxy) else other)

    def __mul__(self, n):
        return self._snapshot() * n

    __rmul__ = __mul__

    def __iadd__(self, other):
        self.extend(other)
        return self

    def __imul__(self, n):
        if n <= 0:
            self.clear()
        elif n > 1:
            self.extend(self._snapshot() * (n - 1))
        return self

    def __reversed__(self):
        return reversed(self._snapshot())

    def append(self, item):
        self._call("append", item)

    def extend(self, items):
        """All at once, where they fit into a request."""
        if isinstance(items, ListProxy):
            items = items._snapshot()
        for chunk in _chunks(self, items):
            self._call("append", *chunk)

    def insert(self, i, item):
        self._call("insert", _index(i), item)

    def pop(self, i=-1):
        return self._at("pop", "pop index out of range", i)

    def remove(self, item):
        self._find("remove", "list.remove(x): x not in list", item)

    def index(self, item, *limits):
        if limits:
            return self._snapshot().index(item, *limits)
        return self._find("index", f"{item!r} is not in list", item)

    def _find(self, method, missing, item):
        self._attached()
        try:
            return self._call(method, item)
        except NotFound:
            raise ValueError(missing) from None

    def count(self, item):
        return self._call("count", item)

    def reverse(self):
        self._call("reverse")

    def clear(self):
        self._call("clear")

    def sort(self, *, key=None, reverse=False):
        """In the coordinator, where items are all numbers, all text, all bytes or all booleans, and
        there is no key and no reverse; otherwise here."""
        if key is None and not reverse:
            try:
                self._call("sort")
                return
            except TypeMismatch:
                pass
        items = self._snapshot()
        size = len(items)
        items.sort(key=key, reverse=reverse)
        self._calls([("delete", 0, size), *_inserts(self, 0, items)])

    def __str__(self):
        return repr(self._snapshot())


def _index(i):
    try:
        return i.__index__()
    except AttributeError:
        raise TypeError(f"list indices must be integers or slices, not {type(i).__name__}") from None


def _inserts(proxy, at, items):
    for chunk in _chunks(proxy, items):
        yield ("insert", at, *chunk)
        at += len(chunk)


class NamespaceProxy(BaseProxy, typeid="Namespace"):
    """Attributes. Those that begin with an underscore are the proxy's own."""

    def __getattr__(self, key):
        if key.startswith("_"):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {key!r}")
        self._attached()
        try:
            return self._call("get", key)
        except NotFound:
            raise AttributeError(f"'Namespace' object has no attribute {key!r}") from None

    def __setattr__(self, key, value):
        if key.startswith("_"):
            object.__setattr__(self, key, value)
        else:
            self._call("set", key, value)

    def __delattr__(self, key):
        if key.startswith("_"):
            object.__delattr__(self, key)
        elif not self._call("delete", key):
            raise AttributeError(key)

    def _getvalue(self):
        return self._call("attrs")

    def __str__(self):
        attrs = sorted(f"{k}={v!r}" for k, v in self._getvalue().items() if not k.startswith("_"))
        return f"Namespace({', '.join(attrs)})"
