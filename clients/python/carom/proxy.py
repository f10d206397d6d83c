"""What all proxies have in common."""

import collections
import threading

from . import cbor
from .errors import NotFound
from .link import HANDLE_TAG, find, kinds, pickled

__all__ = ["BaseProxy", "Attachment", "name_of"]

CREATE, ATTACH, EXCLUSIVE = 0, 1, 2


class Attachment:
    """A connection's reference to an object, shared by the proxies of a process."""

    def __init__(self, connection, key, reply, private):
        self.connection = connection
        self.key = key
        self.handle, self.created, self.type, self.details = reply[:4]
        self.identity = reply[4]  # None where the object was a method's result
        self.methods = None  # of a registered type
        self.hold = Hold()
        self.kept = collections.deque()  # items of a queue that nobody waited for any more
        self._private = private

    def same_object(self, other):
        """Whether other is of the same object; both are of one life of the coordinator."""
        if self.identity is None or other.identity is None:
            return self.key == other.key  # a method's results have names that are not used again
        return self.identity == other.identity

    def __del__(self):
        c = self.connection
        if c.alive:
            c.garbage.append(("release", self.handle))
            if self.key[1] in self._private:  # nobody will ever know it
                c.garbage.append(("remove", self.key[1]))


class Hold:
    """Which thread of this process holds a lock, and how often."""

    def __init__(self):
        self.owner = None
        self.count = 0
        self.fence = 0

    def mine(self):
        return self.owner == threading.get_ident()

    def take(self, fence, count=1):
        self.fence, self.count, self.owner = fence, count, threading.get_ident()

    def drop(self):
        """Gives up what this thread holds; returns the count that take wants back."""
        count, self.owner, self.count = self.count, None, 0
        return count


class BaseProxy:
    """A name, and the way to the object that has it.

    Proxies of one object are interchangeable; they compare by identity. They
    can be pickled, and stored in the objects of their manager.
    """

    _typeid = ""  # the name of the kind in handles
    _held = False  # its Attachment knows which thread holds it

    def __init_subclass__(cls, typeid=None, **kw):
        super().__init_subclass__(**kw)
        if typeid:
            cls._typeid = typeid
            kinds[typeid] = cls

    def __init__(self, link, name, typeid=None):
        self._link = link
        self._name = name
        if typeid and typeid != self._typeid:
            self._typeid = typeid
        self._a = None
        self._epoch = None

    # --- attaching

    @classmethod
    def _make(cls, link, name, *, type="", params=None, mode=CREATE, typeid=None):
        """The proxy of the object called name, which is made sure to be there. None: a name of its own."""
        p = cls(link, link.new_name() if name is None else name, typeid)
        p._a = p._open(type, params, EXCLUSIVE if name is None and mode == CREATE else mode)
        return p

    @property
    def _kind(self):
        return self._typeid.lower()

    def _open(self, type, params, mode):
        c = self._link.connection()
        epoch = c.welcome.epoch
        if self._epoch not in (None, epoch):
            raise NotFound(f"{self._typeid} {self._name}: the coordinator was restarted, what it held is gone")
        reply = c.call(0, "open", [self._kind, self._name, type, params, mode])
        self._epoch = epoch
        return self._keep(c, reply)

    def _keep(self, c, reply):
        """The Attachment for a reply of open: that which the process has already, if it is of the same object."""
        key = (self._kind, self._name)
        made = Attachment(c, key, reply, self._link.state.private)
        with c.attaching:
            a = c.attached.get(key)
            if a is None or not self._held or not a.same_object(made):
                a = c.attached[key] = made
        return a

    def _adopt(self, c, handle):
        """Takes over a reference that c has to the object."""
        self._a, self._epoch = self._keep(c, [handle, False, "", None, None]), c.welcome.epoch

    def _attached(self):
        a = self._a
        if a is None or not a.connection.alive:
            c = self._link.connection()
            a = c.attached.get((self._kind, self._name))
            if a is None or self._epoch not in (None, c.welcome.epoch):
                a = self._open("", None, ATTACH)
            if self._a is not None and not self._a.same_object(a):
                raise NotFound(f"{self._typeid} {self._name}: it was removed, another one has the name now")
            self._a, self._epoch = a, c.welcome.epoch
        return a

    def _call(self, method, *args, **how):
        a = self._attached()
        return a.connection.call(a.handle, method, args, **how)

    def _calls(self, many):
        """Carries out (method, argument, …) of many, all under way at once."""
        a = self._attached()
        a.connection.finish([a.connection.send(a.handle, method, args) for method, *args in many])

    # --- as multiprocessing's proxies

    def _callmethod(self, methodname, args=(), kwds={}):
        return getattr(self, methodname)(*args, **kwds)

    def _getvalue(self):
        """A copy of the object."""
        raise TypeError(f"there is no copy of a {self._typeid}")

    def __deepcopy__(self, memo):
        return self._getvalue()

    def __repr__(self):
        return f"<{type(self).__name__} object, typeid {self._typeid!r} at {id(self):#x}>"

    # --- travelling

    def __cbor__(self):
        self._link.tell(self._name)
        return cbor.Tag(HANDLE_TAG, [self._link.arena, self._typeid, self._name])

    def _extras(self):
        """What the coordinator does not know about the proxy."""
        return {}

    def __reduce__(self):
        self._link.tell(self._name)
        return _rebuild, (type(self), *pickled(self._link), self._typeid, self._name, self._epoch, self._extras())


def _rebuild(cls, address, key, typeid, name, epoch, extras):
    p = cls(find(address, key), name, typeid)
    p._epoch = epoch
    p.__dict__.update(extras)
    return p


def name_of(proxy):
    """The name by which other programs open the proxy's object."""
    return proxy._name
