"""What the proxies of one coordinator have in common, in whichever process they are.

A Link connects when it is first used, and again in the child of a fork and
after the connection was lost. It is found by its address, so proxies that were
pickled find the one of the process that they arrive in.
"""

import multiprocessing
import os
import threading
import uuid
import weakref
from multiprocessing import util
from multiprocessing.context import get_spawning_popen

from . import cbor
from .connection import Connection
from .errors import Closed, NotFound

HANDLE_TAG = 51824

kinds = {}  # name of a kind in handles, such as "Dict" → proxy class; None: any other

_links = weakref.WeakValueDictionary()  # address → the Link that was made last
_every = weakref.WeakSet()


class Link:
    """The way to a coordinator."""

    def __init__(self, address, key, timeout=None, ssl_context=None):
        self.address = address
        self.key = key
        self.timeout = timeout
        self.ssl_context = ssl_context
        self.types = {}  # typeid → proxy class, of Manager.register
        self.state = _State()
        self._arena = None
        self._dialling = threading.Lock()
        self._finalizer = self._finally()
        _links[address] = self
        _every.add(self)

    def connection(self):
        """A live connection. Unavailable, AuthError: there is none."""
        c = self.state.connection
        if c is not None and c.alive:
            return c
        with self._dialling:
            if self.state.closed:
                raise Closed("the manager is closed")
            c = self.state.connection
            if c is None or not c.alive:
                c = Connection(self.address, self.key, self.timeout, self.ssl_context)
                c.tags[HANDLE_TAG] = _handle_reader(self, c)
                self._arena = cbor.decode(c.welcome.payload)["arena"]
                self.state.connection = c
            return c

    def call(self, method, *args):
        """The result of one of the coordinator's own methods."""
        return self.connection().call(0, method, list(args))

    @property
    def arena(self):
        """The id by which handles name the manager, 16 bytes."""
        if self._arena is None:
            self.connection()
        return self._arena

    def new_name(self):
        """A name for an object of which only this process knows, until it tells others."""
        name = "py-" + uuid.uuid4().hex
        self.state.unnamed.add(name)
        self.state.private.add(name)
        return name

    def tell(self, name):
        """Somebody else may hold the object from now on."""
        self.state.private.discard(name)

    def handle(self, content, connection):
        """The proxy for a handle that arrived by connection."""
        arena, kind, name = content[:3]
        link = self
        if arena != self.arena:
            link = next((other for other in list(_every) if other._arena == arena), None)
            if link is None:
                raise NotFound(f"a handle of manager {arena.hex()}, to which this process is not connected")
        proxy = link.proxy_class(kind)(link, name, kind)
        if len(content) > 3:
            proxy._adopt(connection, content[3])
        return proxy

    def proxy_class(self, kind):
        """The class for objects of a kind, by the name that it has in handles."""
        return self.types.get(kind) or kinds.get(kind) or kinds[None]

    def close(self):
        """Removes what has no name of the user's, and ends the session."""
        self._finalizer()

    def forked(self):
        """In the child: the session, and what it created, are the parent's."""
        c = self.state.connection
        if c is not None:
            c.forget()
        self.state = _State(self.state.closed)
        self._dialling = threading.Lock()
        self._finalizer = self._finally()

    def _finally(self):
        # Below 0: at the end of the process, when its children have been joined.
        return util.Finalize(self, _State.close, (self.state,), exitpriority=-10)


class _State:
    """What is left to do when the Link is gone."""

    def __init__(self, closed=False):
        self.connection = None
        self.closed = closed
        self.unnamed = set()  # names that this process made up
        self.private = set()  # those of them that nobody else has heard of
        self.fences = {}  # what this process acquired of locks, in whichever session
        self.pid = os.getpid()

    def close(self):
        self.closed = True
        c, self.connection = self.connection, None
        if c is None or not c.alive or self.pid != os.getpid():
            return
        names = list(self.unnamed)
        self.unnamed.clear()
        self.private.clear()
        c.close(names)


def _handle_reader(link, connection):
    ref, connection = weakref.ref(link), weakref.ref(connection)

    def read(content):
        link = ref()
        if link is None:
            raise Closed("the manager is closed")
        return link.handle(content, connection())

    return read


def default_key():
    """The auth key of this process: that of the environment, else that of multiprocessing."""
    key = os.environb.get(b"CAROM_AUTHKEY")
    if key:
        return key
    file = os.environ.get("CAROM_AUTHKEY_FILE")
    if file:
        with open(file, "rb") as f:
            return f.read().rstrip(b"\r\n")
    return bytes(multiprocessing.current_process().authkey)


def pickled(link):
    """What find needs. The key goes along only to a child that is being started."""
    key = bytes(link.key) if get_spawning_popen() is not None else None
    return link.address, key


def find(address, key):
    """The Link of this process to address."""
    link = _links.get(address)
    if link is not None and not link.state.closed and (key is None or key == link.key):
        return link
    if key is None:
        key = link.key if link is not None else default_key()
    return Link(address, key)


def _before_fork():
    # The child gets a copy of every proxy.
    for link in list(_every):
        link.state.private.clear()


def _after_fork():
    for link in list(_every):
        link.forked()


os.register_at_fork(before=_before_fork, after_in_child=_after_fork)
