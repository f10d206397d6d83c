"""Proxies of what synchronises: locks, semaphores, conditions, events, barriers.

To the coordinator a process is one party; which of its threads holds a lock is
known here. What a process holds when it ends is handed on: see OwnerDied.
"""

import time

from .errors import BrokenBarrier, Canceled, Deadline, Locked, NotFound, NotLocked, NotOwner, OverRelease
from .proxy import ATTACH, BaseProxy

__all__ = [
    "LockProxy", "RLockProxy", "SemaphoreProxy", "BoundedSemaphoreProxy", "ConditionProxy", "EventProxy", "BarrierProxy",
]

_ALL = 1 << 30
_AGES = 1e9


def _how_long(blocking, timeout, refuse="can't specify a timeout for a non-blocking call", strict=True):
    """Seconds that acquire may wait; None: as long as it takes."""
    forever = timeout is None or strict and timeout == -1
    if not blocking:
        if not forever:
            raise ValueError(refuse)
        return 0
    if forever:
        return None
    if timeout < 0 and strict:
        raise ValueError("timeout value must be positive")
    return max(timeout, 0)


class _Acquirer(BaseProxy):
    """What has acquire and release."""

    def __enter__(self):
        return self.acquire()

    def __exit__(self, *exc):
        self.release()


class _Mutex(_Acquirer):
    """What has the methods of a lock."""

    def _lock(self, wait):
        """The fence of the acquisition, None if it took too long."""
        if wait is not None and wait <= 0:
            try:
                return self._call("trylock")
            except Locked:
                return None
        try:
            return self._call("lock", timeout=wait, undo=self._unlock)
        except Canceled:
            return None

    def _unlock(self, fence):
        """Ends the acquisition with that fence. NotOwner: it is over."""
        self._call("unlock", fence)

    def fence(self):
        """A number that grows with each acquisition."""
        return self._call("fence")


class LockProxy(_Mutex, typeid="Lock"):
    """A lock. Any thread of any process may release it."""

    def _itself(self):
        """What tells the coordinator which lock it is: its name and its identity, if that is known."""
        identity = self._attached().identity
        return [self._name] if identity is None else [self._name, identity]

    def _attach_to(self, identity):
        """Attaches to the lock of that identity. NotFound: it was removed, whatever has its name now."""
        self._a = self._open("", None, ATTACH)
        if self._a.identity != identity:
            raise NotFound(f"{self._typeid} {self._name}: it was removed, another one has the name now")

    def acquire(self, blocking=True, timeout=None):
        """False: not within timeout seconds. OwnerDied: see recover."""
        fence = self._lock(_how_long(blocking, timeout))
        if fence is None:
            return False
        self._took(fence)
        return True

    def recover(self):
        """Acquires the lock although the last owner died, once you are ready to repair the data."""
        self._took(self._call("recover", undo=self._unlock))

    def _took(self, fence):
        # It outlives the connection: release has to find out that the lock went with that.
        self._link.state.fences[self._which(self._a)] = fence

    def _gave(self):
        """The fence of what this process has acquired, which it no longer has; None if it has nothing."""
        return self._link.state.fences.pop(self._which(self._attached()), None)

    @staticmethod
    def _which(attachment):
        return attachment.identity or attachment.key

    def release(self):
        """Whoever holds it. But what this process acquired is all that it releases before it has released that.

        RuntimeError: nobody holds it, or what this process acquired is not its own any more: the
        connection was lost, or another process released it."""
        fence = self._gave()
        try:
            if fence is None:
                self._call("unlock")
            else:
                self._unlock(fence)
        except NotLocked:
            raise NotLocked("release unlocked lock") from None


class _Reentrant(_Mutex):
    """A lock that the thread that holds it acquires again at once."""

    _held = True

    def acquire(self, blocking=True, timeout=None):
        """False: not within timeout seconds. OwnerDied: see recover."""
        wait = _how_long(blocking, timeout)
        hold = self._attached().hold
        if hold.mine():
            hold.count += 1
            return True
        fence = self._lock(wait)
        if fence is None:
            return False
        hold.take(fence)
        return True

    def release(self):
        """RuntimeError: this thread does not hold it."""
        hold = self._attached().hold
        if not hold.mine():
            raise NotOwner("cannot release un-acquired lock")
        hold.count -= 1
        if hold.count == 0:
            hold.owner = None
            self._unlock(hold.fence)

    def recover(self):
        """Acquires the lock although the last owner died, once you are ready to repair the data."""
        self._attached().hold.take(self._call("recover", undo=self._unlock))


class RLockProxy(_Reentrant, typeid="RLock"):
    """A lock that the thread that holds it may acquire again; it has to release it as often."""


class SemaphoreProxy(_Acquirer, typeid="Semaphore"):
    """A counter that acquire waits to be able to decrement."""

    def acquire(self, blocking=True, timeout=None):
        """False: not within timeout seconds."""
        wait = _how_long(blocking, timeout, "can't specify timeout for non-blocking acquire", strict=False)
        try:
            if wait == 0:
                self._call("tryacquire")
            else:
                self._call("acquire", timeout=wait, undo=lambda _: self.release())
        except (Locked, Canceled):
            return False
        return True

    def release(self, n=1):
        if n < 1:
            raise ValueError("n must be one or more")
        try:
            self._call("release", n)
        except OverRelease:
            raise OverRelease("Semaphore released too many times") from None

    def get_value(self):
        return self._call("value")


class BoundedSemaphoreProxy(SemaphoreProxy, typeid="BoundedSemaphore"):
    """A Semaphore that never gets beyond what it was at first: ValueError from release. Its units
    come back when the process that holds them ends, unless it was made with permits=False."""


class ConditionProxy(_Reentrant, typeid="Condition"):
    """A condition, with the lock that it was given or one of its own, which is re-entrant."""

    def _given(self):
        """The lock that it was given, None if it has one of its own. NotFound: that was removed,
        whatever has its name now."""
        a = self._attached()
        if a.details[0] is None:
            return None
        lock = self.__dict__.get("_given_lock")
        if lock is None:
            lock = LockProxy(self._link, a.details[0])
            lock._attach_to(a.details[1])
            self._given_lock = lock
        return lock

    def acquire(self, blocking=True, timeout=None):
        lock = self._given()
        return lock.acquire(blocking, timeout) if lock else super().acquire(blocking, timeout)

    def release(self):
        lock = self._given()
        if lock:
            lock.release()
        else:
            super().release()

    def recover(self):
        lock = self._given()
        if lock:
            lock.recover()
        else:
            super().recover()

    def fence(self):
        lock = self._given()
        return lock.fence() if lock else super().fence()

    def _held(self, what):
        """What this thread has acquired of the condition's own lock."""
        if self._given():
            return None
        hold = self._attached().hold
        if not hold.mine():
            raise NotOwner(f"cannot {what} on un-acquired lock")
        return hold

    def wait(self, timeout=None):
        """False: not notified within timeout seconds. The lock is held again in any case."""
        hold, given = self._held("wait"), self._given()
        # Other threads of this process acquire it meanwhile; the coordinator has this one's keep its fence.
        fence, count = (hold.fence, hold.drop()) if hold else (given._gave(), 0)
        try:
            self._call("wait", timeout=timeout)
            return True
        except Canceled:
            return False
        except (NotLocked, NotOwner):
            raise NotOwner("cannot wait on un-acquired lock") from None
        finally:
            if hold:
                hold.take(fence, count)
            elif fence is not None:
                given._took(fence)

    def wait_for(self, predicate, timeout=None):
        """Waits until predicate() is true, and returns what it returned last."""
        result = predicate()
        end = None if timeout is None else time.monotonic() + timeout
        while not result:
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                break
            self.wait(left)
            result = predicate()
        return result

    def notify(self, n=1):
        """Wakes those n that have waited longest."""
        self._held("notify")
        try:
            self._call("notify", n)
        except (NotLocked, NotOwner):
            raise NotOwner("cannot notify on un-acquired lock") from None

    def notify_all(self):
        self.notify(_ALL)


class EventProxy(BaseProxy, typeid="Event"):
    """A flag that others wait for."""

    def is_set(self):
        return self._call("isset")

    def set(self):
        self._call("set")

    def clear(self):
        self._call("clear")

    def wait(self, timeout=None):
        """Reports whether it is set, after timeout seconds at most."""
        if timeout is not None and timeout <= 0:
            return self.is_set()
        try:
            self._call("wait", timeout=timeout)
        except Canceled:
            return False
        return True


class BarrierProxy(BaseProxy, typeid="Barrier"):
    """A barrier. Its action is run by the last process to arrive, if the proxy there has one:
    it travels with the proxy when that is pickled, but not through the coordinator."""

    _action = None
    _timeout = None

    def _extras(self):
        return {"_action": self._action, "_timeout": self._timeout}

    def wait(self, timeout=None):
        """The index of arrival, 0 to parties-1. BrokenBarrierError: it broke, or took too long."""
        if timeout is None:
            timeout = self._timeout
        ns = 0 if timeout is None else max(int(min(timeout, _AGES) * 1e9), 1)
        try:
            index, run = self._call("wait", ns, self._action is not None)
        except Deadline as e:
            raise BrokenBarrier(str(e)) from None
        return self._act(index) if run else index

    def _act(self, turn):
        ok = False
        try:
            self._action()
            ok = True
        finally:
            try:
                index = self._call("done", turn, ok)
            except (BrokenBarrier, NotFound):
                if ok:
                    raise
        return index

    def recover(self, timeout=None):
        """For every party that got a BrokenBarrierError: returns when all have called it, and the barrier
        is as new. False: they have not within timeout seconds, and it is broken still."""
        try:
            self._call("recover", timeout=timeout)
        except Canceled:
            return False
        return True

    def reset(self):
        """Those who wait get a BrokenBarrierError; the barrier is as new."""
        self._call("reset")

    def abort(self):
        """Breaks the barrier, until reset."""
        self._call("abort")

    @property
    def parties(self):
        return self._attached().details[0]

    @property
    def n_waiting(self):
        return self._call("waiting")

    @property
    def broken(self):
        return self._call("broken")
