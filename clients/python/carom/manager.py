"""The manager: makes and opens objects."""

import functools

from .containers import DictProxy, ListProxy, NamespaceProxy
from .custom import ObjectProxy
from .elements import element
from .errors import TypeMismatch
from .link import Link, default_key, find, kinds, pickled
from .proxy import ATTACH, BaseProxy
from .shared import ArrayProxy, QueueProxy, ValueProxy
from .sync import (
    BarrierProxy, BoundedSemaphoreProxy, ConditionProxy, EventProxy, LockProxy, RLockProxy, SemaphoreProxy,
)

__all__ = ["Manager", "Info", "connect"]


def connect(address, authkey=None, *, timeout=None, ssl_context=None):
    """A Manager of the objects of the coordinator at address.

    address is unix:///path, tcp://host:port or tls://host:port. authkey, bytes,
    is by default that of the environment (CAROM_AUTHKEY, or the file that
    CAROM_AUTHKEY_FILE names), else that of multiprocessing's current process.
    timeout, in seconds, bounds connecting. ssl_context is for tls; by default,
    ssl.create_default_context().

    AuthError: one side does not have the other's key. Unavailable (a
    ConnectionError): nobody listens there, or the coordinator is shutting down.
    """
    if authkey is not None and not isinstance(authkey, (bytes, bytearray)):
        raise TypeError(f"an auth key is bytes, not {type(authkey).__name__}")
    key = default_key() if authkey is None else bytes(authkey)
    link = Link(address, key, timeout, ssl_context)
    link.connection()
    return Manager(link)


class Info:
    """What objects() says of an object: name, kind, type, length, bytes, and how many sessions have it open."""

    __slots__ = ("name", "kind", "type", "length", "bytes", "sessions")

    def __init__(self, item):
        self.name, self.kind, self.type, self.length, self.bytes, self.sessions = item[:6]

    def __repr__(self):
        return f"Info({', '.join(f'{k}={getattr(self, k)!r}' for k in self.__slots__)})"


class Manager:
    """Makes and opens objects, as multiprocessing's managers do.

    An object that is given a name is there for everybody who knows the name,
    until it is removed; making it again attaches to the one that is there. One
    without is there until it is dropped, if nobody else has heard of it, and in
    any case until this manager is closed.

    Threads may share a manager and its proxies. A child of fork, and a process
    that gets them pickled, has a session of its own.
    """

    def __init__(self, link):
        self._link = link

    # --- making objects

    def dict(self, *args, name=None, **kwargs):
        """A dict; what it begins with counts where there is none of that name."""
        p = DictProxy._make(self._link, name)
        if p._a.created and (args or kwargs):
            p.update(*args, **kwargs)
        return p

    def list(self, sequence=(), *, name=None):
        """A list; what it begins with counts where there is none of that name."""
        p = ListProxy._make(self._link, name)
        if p._a.created:
            p.extend(sequence)
        return p

    def Namespace(self, *, name=None, **attributes):
        """A Namespace; what it begins with counts where there is none of that name."""
        p = NamespaceProxy._make(self._link, name)
        if p._a.created:
            for key, value in attributes.items():
                setattr(p, key, value)
        return p

    def Value(self, typecode, value=None, lock=True, *, name=None):
        """One element of a type: see carom.elements. It has a lock of its own whatever lock says."""
        e = element(typecode)
        return self._memory(ValueProxy, e, typecode, name, [e.size, None if value is None else e.pack(value)])

    def Array(self, typecode, sequence, lock=True, *, name=None):
        """Elements of a type: those of a sequence, or a number of zeros."""
        e = element(typecode)
        if isinstance(sequence, int):
            size, initial = sequence, None
        else:
            sequence = tuple(sequence)
            size, initial = len(sequence), e.pack_many(sequence)
        return self._memory(ArrayProxy, e, typecode, name, [size, e.size, initial])

    def _memory(self, cls, e, typecode, name, params):
        p = cls._make(self._link, name, type=e.text, params=params)
        if typecode != e.text:
            p._code = typecode
        return p

    def Queue(self, maxsize=0, *, name=None):
        """A queue; maxsize 0 or less: of any size."""
        return QueueProxy._make(self._link, name, type="any", params=[max(maxsize, 0), False])

    JoinableQueue = Queue

    def Lock(self, *, name=None, autorecover=False):
        """A lock. With autorecover, a lock whose owner died is simply free."""
        return LockProxy._make(self._link, name, params=[autorecover])

    def RLock(self, *, name=None, autorecover=False):
        """A lock that its holder may acquire again."""
        return RLockProxy._make(self._link, name, params=[autorecover])

    def Semaphore(self, value=1, *, name=None):
        """A semaphore. ValueError: less than 0."""
        return self._semaphore(SemaphoreProxy, name, value, False)

    def BoundedSemaphore(self, value=1, *, name=None, permits=True):
        """A semaphore that never gets beyond value. ValueError: less than 0.

        What a process that ends had acquired comes back, unless permits is False:
        multiprocessing's does not."""
        return self._semaphore(BoundedSemaphoreProxy, name, value, bool(permits))

    def _semaphore(self, cls, name, value, *params):
        if value < 0:
            raise ValueError("semaphore initial value must be >= 0")
        return cls._make(self._link, name, params=[value, *params])

    def Condition(self, lock=None, *, name=None):
        """A condition with a lock of this manager, or with a re-entrant one of its own."""
        if lock is None:
            return ConditionProxy._make(self._link, name, params=[None])
        if not isinstance(lock, LockProxy):
            raise TypeMismatch(f"the lock of a condition is a Lock or None, not {lock!r}")
        self._link.tell(lock._name)
        p = ConditionProxy._make(self._link, name, params=lock._itself())
        p._given_lock = lock
        return p

    def Event(self, *, name=None):
        """A flag, not set."""
        return EventProxy._make(self._link, name, params=[])

    def Barrier(self, parties, action=None, timeout=None, *, name=None):
        """A barrier; timeout is the one of wait without one, in seconds."""
        if parties < 1:
            raise ValueError("parties must be > 0")
        p = BarrierProxy._make(self._link, name, params=[parties])
        p._action, p._timeout = action, timeout
        return p

    # --- registered types

    def create(self, typeid, *args, name=None):
        """An object of a type that the coordinator's program has registered."""
        return self._link.proxy_class(typeid)._make(self._link, name, params=list(args), typeid=typeid)

    def register(self, typeid, proxytype=ObjectProxy):
        """Gives the manager a method called typeid, as create; its objects, also those that
        arrive from elsewhere, get proxies of proxytype, a subclass of ObjectProxy."""
        self._link.types[typeid] = proxytype

    def __getattr__(self, typeid):
        if typeid.startswith("_") or typeid not in self._link.types:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {typeid!r}")
        return functools.partial(self.create, typeid)

    # --- all objects

    def open(self, kind, name):
        """The object called name, which is there: "dict", "Queue", "Counter". NotFound: it is not."""
        typeid = next((k for k in kinds if k and k.lower() == kind.lower()), kind)
        return self._link.proxy_class(typeid)._make(self._link, name, mode=ATTACH, typeid=typeid)

    def remove(self, name):
        """Takes a name away, or that of a proxy's object; those who have the object open go on using it."""
        if isinstance(name, BaseProxy):
            name = name._name
        state = self._link.state
        state.unnamed.discard(name)
        state.private.discard(name)
        self._link.call("remove", name)

    def objects(self):
        """Infos of all objects, in the order of their names."""
        c = self._link.connection()
        c.flush()
        found = []
        id, more, batch = c.call(0, "stream", [0, "objects", []])
        found += batch or []
        while more:
            more, batch = c.call(0, "next", [id])
            found += batch
        return [Info(item) for item in found]

    # --- the end

    @property
    def address(self):
        """Where the coordinator is."""
        return self._link.address

    def close(self):
        """Removes what this manager made without a name, and ends the session."""
        self._link.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def __reduce__(self):
        return _rebuild, pickled(self._link)

    def __repr__(self):
        return f"<carom.Manager of {self._link.address}>"


def _rebuild(address, key):
    return Manager(find(address, key))
