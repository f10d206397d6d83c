"""Locks, semaphores, conditions, events and barriers."""

import threading
import time
import unittest

from support import LONG, TestCase, carom


class Threads:
    """Runs functions in threads, and raises in the test what they raise."""

    def __init__(self, test):
        self.threads, self.errors = [], []
        test.addCleanup(self.join)

    def start(self, f, *args):
        t = threading.Thread(target=self._run, args=(f, args), daemon=True)
        self.threads.append(t)
        t.start()
        return t

    def _run(self, f, args):
        try:
            f(*args)
        except BaseException as e:
            self.errors.append(e)

    def join(self):
        for t in self.threads:
            t.join(LONG)
            if t.is_alive():
                raise AssertionError("a thread hangs")
        self.threads = []
        if self.errors:
            raise self.errors.pop()


class Case(TestCase):
    def setUp(self):
        super().setUp()
        self.threads = Threads(self)

    def elsewhere(self, f, *args):
        """The result of f in another thread."""
        result = []
        t = self.threads.start(lambda: result.append(f(*args)))
        t.join(LONG)
        return result[0] if result else None

    def raises_elsewhere(self, error, f, *args):
        self.elsewhere(lambda: self.assertRaises(error, f, *args))


class TestLock(Case):
    def test_lock(self):
        lock = self.m.Lock()
        self.assertIs(lock.acquire(), True)
        self.assertIs(lock.acquire(False), False)
        self.assertIs(lock.acquire(True, 0), False)
        start = time.monotonic()
        self.assertIs(lock.acquire(timeout=0.05), False)
        self.assertGreaterEqual(time.monotonic() - start, 0.05)
        self.assertIsNone(lock.release())
        self.assertRaisesRegex(RuntimeError, "release unlocked lock", lock.release)
        with lock:
            self.assertFalse(self.elsewhere(lock.acquire, False))
            self.assertIsNone(self.elsewhere(lock.release))
            lock.acquire()

    def test_a_lock_that_went_with_the_connection(self):
        cond = self.m.Condition(self.m.Lock(name="cut"))
        for lock in (self.m.open("Lock", "cut"), cond, self.m.RLock(), self.m.Condition()):
            with self.subTest(lock=lock):
                with self.assertRaises(carom.NotOwner):
                    with lock:
                        self.m._link.connection()._stream.abort()
                        self.eventually(lambda: self.elsewhere(self.died, lock))
                self.assertRaises(carom.OwnerDied, lock.acquire)
                lock.recover()
                lock.release()

    def died(self, lock):
        try:
            return lock.acquire(False)  # False: the coordinator has not heard of it yet
        except carom.ConnectionLost:
            return False
        except carom.OwnerDied:
            return True

    def test_what_another_released_and_acquired_stays_its_own(self):
        lock = self.m.Lock(name="theirs")
        with self.connect() as other:
            theirs = other.open("Lock", "theirs")
            lock.acquire()
            theirs.release()
            theirs.acquire()
            self.assertRaises(carom.NotOwner, lock.release)
            self.assertFalse(lock.acquire(False))
            self.assertIsNone(lock.release())  # anybody may, who has nothing of his own
            self.assertTrue(lock.acquire(False))
            lock.release()
        self.m.remove("theirs")

    def test_a_wait_keeps_what_release_ends(self):
        given = self.m.Lock()
        cond = self.m.Condition(given)
        with given:
            self.assertFalse(cond.wait(0))
            self.assertFalse(cond.wait(0.01))
        self.assertTrue(given.acquire(False))
        given.release()

    def test_arguments(self):
        for lock in (self.m.Lock(), self.m.RLock()):
            self.assertRaisesRegex(ValueError, "non-blocking", lock.acquire, False, 1)
            self.assertRaisesRegex(ValueError, "positive", lock.acquire, True, -5)
            self.assertTrue(lock.acquire(True, -1))
            lock.release()
        self.assertRaisesRegex(ValueError, "non-blocking", self.m.Semaphore().acquire, False, 1)

    def test_waiting_for_another(self):
        lock = self.m.Lock()
        lock.acquire()
        first = lock.fence()
        t = self.threads.start(lock.acquire)
        lock.release()
        t.join(LONG)
        self.assertGreater(lock.fence(), first)

    def test_rlock(self):
        lock = self.m.RLock()
        for _ in range(3):
            self.assertIs(lock.acquire(), True)
        self.assertFalse(self.elsewhere(lock.acquire, False))
        self.raises_elsewhere(RuntimeError, lock.release)
        for _ in range(3):
            self.assertFalse(self.elsewhere(lock.acquire, True, 0.01))
            lock.release()
        self.assertRaisesRegex(RuntimeError, "un-acquired", lock.release)
        self.assertTrue(self.elsewhere(lock.acquire, False))
        self.assertFalse(lock.acquire(False))

    def test_proxies_of_one_rlock_are_one(self):
        held = self.m.list([self.m.RLock()])
        with held[0], held[0]:
            with self.m.RLock(name="r") as a, self.m.RLock(name="r") as b:
                self.assertTrue(a and b)
        self.m.remove("r")

    def test_the_owner_died(self):
        for kind in ("Lock", "RLock"):
            with self.subTest(kind=kind):
                other = self.connect()
                make = getattr(other, kind)
                lock, auto = make(name="mortal"), make(name="auto", autorecover=True)
                lock.acquire(), auto.acquire()
                mine = self.m.open(kind, "mortal")
                self.assertFalse(mine.acquire(False))
                other._link.connection()._stream.abort()
                with self.assertRaises(carom.OwnerDied):
                    mine.acquire(timeout=LONG)
                mine.recover()
                mine.release()
                with mine, self.m.open(kind, "auto"):
                    pass
                self.m.remove("mortal"), self.m.remove("auto")


class TestSemaphore(Case):
    def test_semaphore(self):
        for bounded in (False, True):
            sem = self.m.BoundedSemaphore(2) if bounded else self.m.Semaphore(2)
            self.assertEqual((sem.acquire(), sem.acquire(), sem.acquire(False), sem.get_value()), (True, True, False, 0))
            self.assertIs(sem.acquire(timeout=0.01), False)
            self.assertIs(sem.acquire(True, -1), False)
            t = self.threads.start(sem.acquire)
            sem.release()
            t.join(LONG)
            sem.release()
            sem.release()
            self.assertEqual(sem.get_value(), 2)
            if bounded:
                self.assertRaisesRegex(ValueError, "too many times", sem.release)
            else:
                sem.release(2)
                self.assertEqual(sem.get_value(), 4)
        self.assertRaises(ValueError, self.m.Semaphore, -1)
        with sem:
            self.assertEqual(sem.get_value(), 1)

    def test_units_that_are_no_permits(self):
        sem = self.m.BoundedSemaphore(2, name="units", permits=False)
        with self.connect() as other:
            self.assertIs(other.open("BoundedSemaphore", "units").acquire(), True)
        self.assertEqual(sem.get_value(), 1)
        sem.release()
        self.assertRaises(ValueError, sem.release)


class TestCondition(Case):
    def test_wait_and_notify(self):
        for given in (None, self.m.Lock()):
            cond, woken = self.m.Condition(given), self.m.list()
            ready = self.m.Semaphore(0)

            def wait(i):
                with cond:
                    ready.release()
                    woken.append((i, cond.wait(LONG)))

            for i in range(3):
                self.threads.start(wait, i)
                ready.acquire()
            with cond:
                cond.notify(2)
            self.eventually(lambda: len(woken) == 2)
            with cond:
                cond.notify_all()
            self.threads.join()
            self.assertEqual(sorted(woken), [[0, True], [1, True], [2, True]])

    def test_timeouts(self):
        cond = self.m.Condition()
        with cond:
            self.assertIs(cond.wait(0), False)
            self.assertIs(cond.wait(-1), False)
            self.assertIs(cond.wait(0.01), False)
            self.assertIs(cond.wait_for(lambda: False, 0.02), False)
            self.assertEqual(cond.wait_for(lambda: "yes"), "yes")
            self.assertFalse(self.elsewhere(cond.acquire, False))
        self.assertTrue(self.elsewhere(cond.acquire, False))

    def test_all_levels_are_given_up_and_taken_again(self):
        cond = self.m.Condition()

        def notify():
            with cond:
                cond.notify()

        with cond, cond:
            t = self.threads.start(notify)
            self.assertTrue(cond.wait(LONG))
            t.join()
            self.assertFalse(self.elsewhere(cond.acquire, False))
        self.assertRaises(RuntimeError, cond.release)

    def test_without_the_lock(self):
        for cond in (self.m.Condition(), self.m.Condition(self.m.Lock())):
            self.assertRaisesRegex(RuntimeError, "cannot wait", cond.wait)
            self.assertRaisesRegex(RuntimeError, "cannot notify", cond.notify)
        with cond:
            pass
        self.assertRaises(TypeError, self.m.Condition, threading.Lock())

    def test_a_condition_that_arrives_knows_its_lock(self):
        lock = self.m.Lock()
        cond = self.m.list([self.m.Condition(lock)])[0]
        with lock:
            self.assertFalse(cond.acquire(False))
            self.assertFalse(cond.wait(0))
        with cond:
            self.assertFalse(lock.acquire(False))

    def test_a_lock_that_took_the_name_is_not_the_condition_s(self):
        lock = self.m.Lock(name="taken")
        self.m.Condition(lock, name="cond")
        self.m.remove("taken")
        with self.connect() as other:
            taken = other.Lock(name="taken")
            with self.assertRaises(carom.NotFound):
                other.open("Condition", "cond")
            with self.assertRaises(carom.TypeMismatch):
                other.Condition(taken, name="cond")
        with self.assertRaises(carom.NotFound):
            self.m.Condition(lock, name="new")
        self.m.remove("cond"), self.m.remove("taken")


class TestEvent(Case):
    def test_event(self):
        event = self.m.Event()
        self.assertIs(event.is_set(), False)
        self.assertIs(event.wait(0), False)
        self.assertIs(event.wait(0.01), False)
        t = self.threads.start(lambda: self.assertIs(event.wait(), True))
        event.set()
        t.join(LONG)
        self.assertEqual((event.is_set(), event.wait(), event.wait(0.0)), (True, True, True))
        event.clear()
        self.assertFalse(event.is_set())
        self.assertRegex(repr(event), r"<EventProxy object, typeid 'Event' at .*")


class TestBarrier(Case):
    N = 4

    def all_wait(self, barrier, wait=None):
        results = []

        def one():
            try:
                results.append((wait or barrier.wait)())
            except threading.BrokenBarrierError:
                results.append("broken")

        for _ in range(barrier.parties):
            self.threads.start(one)
        self.threads.join()
        return sorted(results, key=str)

    def test_indices(self):
        barrier = self.m.Barrier(self.N)
        for _ in range(3):
            self.assertEqual(self.all_wait(barrier), list(range(self.N)))
        self.assertEqual((barrier.parties, barrier.n_waiting, barrier.broken), (self.N, 0, False))

    def test_action(self):
        ran = self.m.list()
        barrier = self.m.Barrier(self.N, lambda: ran.append(barrier.n_waiting))
        self.assertEqual(self.all_wait(barrier), list(range(self.N)))
        self.assertEqual(len(ran), 1)

    def test_an_action_that_fails_breaks_it(self):
        failed = self.m.list()

        def fail():
            raise KeyError("no")

        barrier = self.m.Barrier(self.N, fail)

        def wait():
            try:
                return barrier.wait()
            except KeyError:
                failed.append(1)
                return "failed"

        self.assertEqual(self.all_wait(barrier, wait), ["broken"] * (self.N - 1) + ["failed"])
        self.assertTrue(barrier.broken)

    def test_timeouts(self):
        barrier = self.m.Barrier(2, timeout=0.01)
        self.assertRaises(threading.BrokenBarrierError, barrier.wait)
        self.assertTrue(barrier.broken)
        self.assertRaises(threading.BrokenBarrierError, barrier.wait, LONG)
        barrier.reset()
        self.assertFalse(barrier.broken)
        self.assertRaises(threading.BrokenBarrierError, barrier.wait, 0)

    def test_abort_and_reset(self):
        barrier = self.m.Barrier(2)
        for end in (barrier.reset, barrier.abort):
            t = self.threads.start(lambda: self.assertRaises(threading.BrokenBarrierError, barrier.wait))
            self.eventually(lambda: barrier.n_waiting == 1)
            end()
            t.join(LONG)
        self.assertTrue(barrier.broken)
        self.assertRaises(ValueError, self.m.Barrier, 0)


if __name__ == "__main__":
    unittest.main()
