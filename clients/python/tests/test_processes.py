"""Proxies in other processes: forked, spawned, and sent through queues."""

import copy
import multiprocessing
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
import time
import unittest

from support import KEY, LONG, ROOT, TestCase, carom


def count(d, lock, n):
    for _ in range(n):
        with lock:
            d["n"] += 1


def echo(q, back):
    for item in iter(q.get, None):
        back.put([os.getpid(), item])
        q.task_done()


def wait_at(barrier, results):
    results.append(barrier.wait(LONG))


def hold(lock, ready):
    lock.acquire()
    ready.set()
    time.sleep(LONG)


def through_pipe(conn):
    d = conn.recv()
    d["child"] = os.getpid()
    d["l"].append(3)


def with_manager(m, name):
    m.dict(name=name)["pid"] = os.getpid()


def act():
    pass


class Processes(TestCase):
    def setUp(self):
        super().setUp()
        # Children that are spawned have to find this module and its package.
        path = os.pathsep.join([str(ROOT / "clients" / "python"), str(ROOT / "clients" / "python" / "tests")])
        before = os.environ.get("PYTHONPATH")
        os.environ["PYTHONPATH"] = path + (os.pathsep + before if before else "")
        self.addCleanup(self._restore, before)

    def _restore(self, before):
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before

    def run_all(self, method, *targets):
        context = multiprocessing.get_context(method)
        children = [context.Process(target=f, args=args, daemon=True) for f, *args in targets]
        for p in children:
            p.start()
        for p in children:
            p.join(LONG)
            self.assertEqual(p.exitcode, 0)


class TestChildren(Processes):
    def test_both_start_methods(self):
        for method in ("fork", "spawn"):
            with self.subTest(method=method):
                d, lock = self.m.dict(n=0), self.m.Lock()
                self.run_all(method, (count, d, lock, 50), (count, d, lock, 50))
                self.assertEqual(d["n"], 100)
                barrier, results = self.m.Barrier(2, act), self.m.list()
                self.run_all(method, (wait_at, barrier, results), (wait_at, barrier, results))
                self.assertEqual(sorted(results), [0, 1])
                self.run_all(method, (with_manager, self.m, method))
                self.assertNotEqual(self.m.dict(name=method)["pid"], os.getpid())
                self.m.remove(method)

    def test_queues(self):
        q, back = self.m.JoinableQueue(), self.m.Queue()
        context = multiprocessing.get_context("fork")
        children = [context.Process(target=echo, args=(q, back), daemon=True) for _ in range(3)]
        for p in children:
            p.start()
        for i in range(30):
            q.put(i)
        q.join()
        for _ in children:
            q.put(None)
        for p in children:
            p.join(LONG)
        got = [back.get(timeout=LONG) for _ in range(30)]
        self.assertEqual(sorted(i for _, i in got), list(range(30)))
        self.assertNotIn(os.getpid(), [pid for pid, _ in got])

    def test_a_fork_while_threads_call(self):
        d, stop = self.m.dict(n=0), threading.Event()

        def busy():
            while not stop.is_set():
                d["busy"] = 1

        threads = [threading.Thread(target=busy) for _ in range(3)]
        for t in threads:
            t.start()
        try:
            for _ in range(5):
                self.run_all("fork", (count, d, self.m.Lock(), 5))
        finally:
            stop.set()
            for t in threads:
                t.join()
        self.assertEqual(d["n"], 25)

    def test_a_lock_of_the_parent_is_not_the_childs(self):
        rlock, q = self.m.RLock(), self.m.Queue()

        def child():
            q.put(rlock.acquire(False))
            try:
                rlock.release()
            except RuntimeError:
                q.put("refused")

        with rlock:
            self.run_all("fork", (child,))
        self.assertEqual([q.get(timeout=LONG), q.get(timeout=LONG)], [False, "refused"])

    def test_a_child_that_is_killed(self):
        lock, ready = self.m.Lock(), self.m.Event()
        p = multiprocessing.get_context("fork").Process(target=hold, args=(lock, ready), daemon=True)
        p.start()
        self.assertTrue(ready.wait(LONG))
        p.kill()
        p.join(LONG)
        with self.assertRaises(carom.OwnerDied):
            lock.acquire(timeout=LONG)

    def test_a_child_does_not_keep_the_parents_session(self):
        """The parent is killed while its child lives: what it held is free."""
        code = f"""
import os, sys, time, carom
m = carom.connect({self.coordinator.address!r}, {KEY!r})
m.Lock(name="of the parent").acquire()
if os.fork() == 0:
    os.close(1)
    sys.stdin.read()
    os._exit(0)
print("held", flush=True)
time.sleep(60)
"""
        p = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            self.assertEqual(p.stdout.readline(), "held\n")
            lock = self.m.open("lock", "of the parent")
            self.assertFalse(lock.acquire(False))
            p.kill()
            p.wait(LONG)
            with self.assertRaises(carom.OwnerDied):
                lock.acquire(timeout=LONG)
        finally:
            p.stdin.close()
            p.stdout.close()
        self.m.remove(lock)


class TestPickles(Processes):
    def test_here(self):
        d = self.m.dict(a=1)
        again = pickle.loads(pickle.dumps(d))
        again["b"] = 2
        self.assertEqual(d["b"], 2)
        self.assertEqual(copy.deepcopy(d), {"a": 1, "b": 2})
        self.assertEqual(pickle.loads(pickle.dumps(self.m)).open("dict", carom.name_of(d))["b"], 2)
        barrier = pickle.loads(pickle.dumps(self.m.Barrier(1, act, 5)))
        self.assertIs(barrier._action, act)
        self.assertEqual(barrier.wait(), 0)

    def test_the_key_does_not_travel_with_them(self):
        self.assertNotIn(KEY, pickle.dumps([self.m, self.m.dict()]))

    def test_through_a_pipe(self):
        d = self.m.dict(l=self.m.list([1, 2]))
        context = multiprocessing.get_context("fork")
        here, there = context.Pipe()
        p = context.Process(target=through_pipe, args=(there,), daemon=True)
        p.start()
        here.send(d)
        p.join(LONG)
        self.assertEqual((d["child"], d["l"][:]), (p.pid, [1, 2, 3]))

    def test_in_a_program_of_its_own(self):
        d = self.m.dict(a=1)
        code = "import pickle, sys; d = pickle.load(sys.stdin.buffer); d['b'] = d['a'] + 1"
        env = dict(os.environ, CAROM_AUTHKEY=KEY.decode())
        subprocess.run([sys.executable, "-c", code], input=pickle.dumps(d), env=env, check=True, timeout=LONG)
        self.assertEqual(d["b"], 2)


class TestInterrupts(Processes):
    def interrupt(self, f, *args):
        """Calls f, and interrupts it while it waits."""
        timer = threading.Timer(0.05, signal.pthread_kill, [threading.main_thread().ident, signal.SIGINT])
        timer.start()
        with self.assertRaises(KeyboardInterrupt):
            f(*args)
        timer.join()

    def test_what_is_interrupted_has_not_happened(self):
        lock, sem, q, event = self.m.Lock(), self.m.Semaphore(0), self.m.Queue(), self.m.Event()
        lock.acquire()
        self.interrupt(lock.acquire)
        lock.release()
        self.assertTrue(lock.acquire(False))
        self.interrupt(sem.acquire)
        sem.release()
        self.assertEqual(sem.get_value(), 1)
        self.interrupt(q.get)
        q.put(1)
        self.assertEqual((q.qsize(), q.get(False)), (1, 1))
        self.interrupt(event.wait)
        cond = self.m.Condition()
        with cond:
            self.interrupt(cond.wait)
            self.assertFalse(cond.wait(0))
        self.assertRaises(queue.Empty, q.get, False)


if __name__ == "__main__":
    unittest.main()
