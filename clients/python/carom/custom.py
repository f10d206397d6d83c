"""Proxies of types that the coordinator's program has registered."""

from .link import kinds
from .proxy import BaseProxy

__all__ = ["ObjectProxy"]


class ObjectProxy(BaseProxy):
    """An object of a registered type: its methods are attributes.

    RemoteError is what a method returned as its error; a result that is an
    object of the manager is a proxy.
    """

    @property
    def _kind(self):
        return self._typeid

    def _callmethod(self, methodname, args=(), kwds={}):
        if kwds:
            raise TypeError("methods take no keyword arguments")
        return self._call(methodname, *args)

    def __getattr__(self, method):
        if method.startswith("_"):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {method!r}")

        def call(*args):
            return self._callmethod(method, args)

        call.__name__ = method
        return call


kinds[None] = ObjectProxy
