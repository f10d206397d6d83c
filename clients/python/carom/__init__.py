"""A client of carom's coordinator, with the objects of multiprocessing's managers.

    import carom

    with carom.connect("unix:///run/carom.sock", b"the auth key") as m:
        ages = m.dict(name="ages")
        ages["alice"] = 40

It needs the standard library only, and Python 3.8.
"""

from .containers import DictProxy, ListProxy, NamespaceProxy
from .custom import ObjectProxy
from .errors import *
from .errors import __all__ as _errors
from .manager import Info, Manager, connect
from .proxy import BaseProxy, name_of
from .shared import ArrayProxy, QueueProxy, ValueProxy
from .sync import (
    BarrierProxy, BoundedSemaphoreProxy, ConditionProxy, EventProxy, LockProxy, RLockProxy, SemaphoreProxy,
)

__all__ = [
    "connect", "Manager", "Info", "name_of", "BaseProxy", "DictProxy", "ListProxy", "NamespaceProxy", "ValueProxy",
    "ArrayProxy", "QueueProxy", "LockProxy", "RLockProxy", "SemaphoreProxy", "BoundedSemaphoreProxy",
    "ConditionProxy", "EventProxy", "BarrierProxy", "ObjectProxy", *_errors,
]
