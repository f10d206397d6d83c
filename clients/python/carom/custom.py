"""Proxies of types that the coordinator's program has registered."""

from .containers import _Stream, _items
from .errors import TypeMismatch
from .link import kinds
from .proxy import BaseProxy

__all__ = ["ObjectProxy"]


class ObjectProxy(BaseProxy):
    """An object of a registered type: its methods are attributes, by their names in the
    coordinator's program or in Python's style, get_value for GetValue.

    RemoteError is what a method returned as its error; a result that is an
    object of the manager is a proxy.
    """

    @property
    def _kind(self):
        return self._typeid

    def _methods(self):
        """The names of the methods, as in the coordinator's program."""
        a = self._attached()
        codec = a.connection.welcome.options.get("codec", "cbor")
        if codec != "cbor":
            raise TypeMismatch(f"the coordinator wants arguments in {codec}, this client has CBOR only")
        if a.methods is None:
            a.methods = frozenset(a.connection.call(0, "methods", [a.handle]))
        return a.methods

    def _callmethod(self, methodname, args=(), kwds={}):
        """The result of a method. NotFound: it has none of that name."""
        if kwds:
            raise TypeError(f"{methodname}: methods take no keyword arguments")
        self._methods()
        return self._call(methodname, *args)

    def __getattr__(self, name):
        if not name.startswith("_"):
            for method in (name, "".join(word[:1].upper() + word[1:] for word in name.split("_"))):
                if method in self._methods():
                    return Method(self, method)
        raise AttributeError(f"{self._typeid!r} object has no attribute {name!r}")

    def __dir__(self):
        return [*super().__dir__(), *self._methods()]


kinds[None] = ObjectProxy


class Method:
    """A method of an object."""

    def __init__(self, proxy, name):
        self._proxy = proxy
        self.__name__ = name

    def __call__(self, *args, **kwargs):
        return self._proxy._callmethod(self.__name__, args, kwargs)

    def iterate(self, *args):
        """An iterator of what a method gives whose result is a sequence."""
        stream = _Stream(self._proxy, self.__name__, list(args), _items)
        return (item for batch in stream.batches() for item in batch)

    def __repr__(self):
        return f"<method {self.__name__} of {self._proxy!r}>"
