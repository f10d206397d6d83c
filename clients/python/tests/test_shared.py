"""Value, Array and Queue."""

import array
import ctypes
import queue
import threading
import time
import unittest

from support import LONG, TestCase, carom


class TestValue(TestCase):
    def test_types(self):
        for typecode, first, then in [
            ("i", -5, 7), ("b", -128, 127), ("B", 0, 255), ("h", 1, -1), ("H", 1, 65535), ("I", 0, (1 << 32) - 1),
            ("l", -(1 << 63), 1), ("L", 0, (1 << 64) - 1), ("q", 1, 2), ("Q", 1, 2), ("f", 0.5, -1.0), ("d", 0.1, 1e300),
            ("?", True, False), ("c", b"a", b"z"), ("u", "ä", "\U00010151"), (ctypes.c_int, 1, 2), (ctypes.c_double, 0.1, 0.2),
            (ctypes.c_bool, False, True), ("int16", 3, 4), ("complex128", 1j, 2 - 1j), ("[2]int32", bytes(8), b"abcdefgh"),
        ]:
            with self.subTest(typecode=typecode):
                v = self.m.Value(typecode, first)
                self.assertEqual(v.value, first)
                v.value = then
                self.assertEqual(v.get(), then)
                self.assertEqual(v.swap(first), then)
                self.assertTrue(v.compare_and_swap(first, then))
                self.assertFalse(v.compare_and_swap(first, then))
                if typecode not in ("c", "u"):  # of which the coordinator knows nothing
                    self.assertEqual(self.m.list([v])[0].get(), then)
        self.assertRaises(TypeError, self.m.Value, "zz", 1)
        self.assertRaises(OverflowError, self.m.Value, "b", 128)
        self.assertRaises(TypeError, self.m.Value, "i", "text")
        self.assertRaises(TypeError, self.m.Value, "[2]int32", 8)
        self.assertEqual(self.m.Value("d").value, 0.0)

    def test_add_and_lock(self):
        v, w = self.m.Value("i", 0), self.m.Value("i", 0)

        def work():
            for _ in range(100):
                v.add(1)
                with w.get_lock(), w.get_lock():
                    w.value += 1

        threads = [threading.Thread(target=work) for _ in range(3)]
        for t in threads:
            t.start()
        for t in threads:
            t.join(LONG)
        self.assertEqual((v.value, w.value), (300, 300))
        v.set((1 << 31) - 1)
        self.assertEqual(v.add(1), -(1 << 31))
        self.assertEqual(str(v), "Value('i', -2147483648)")

    def test_names(self):
        v = self.m.Value("i", 5, name="v")
        self.assertEqual(self.connect().Value("i", 9, name="v").value, 5)
        self.assertRaises(carom.TypeMismatch, self.m.Value, "q", 1, name="v")
        self.assertEqual(self.m.open("value", "v").value, 5)
        self.m.remove(v)


class TestArray(TestCase):
    def test_items_and_slices(self):
        have = [680, 626, 934, 821, 150, 233, 548, 982, 714, 831]
        a = self.m.Array("i", have)
        self.assertEqual((len(a), a[3], a[-1], list(a)), (10, 821, 831, have))
        a[4:8] = have[4:8] = [1, 2, 3, 4]
        a[::3] = have[::3] = [9, 8, 7, 6]
        a[-1] = have[-1] = 5
        for s in [slice(None), slice(2, 7), slice(None, None, -1), slice(8, 1, -3), slice(1, 9, 2), slice(5, 2), slice(-4, 99)]:
            self.assertEqual(a[s], array.array("i", have[s]), s)
        self.assertEqual(str(a), str(array.array("i", have)))
        self.assertEqual(a.add(0, 5), have[0] + 5)
        for f in (lambda: a[10], lambda: a[-11], lambda: a.__setitem__(10, 0)):
            self.assertRaises(IndexError, f)
        self.assertRaises(ValueError, a.__setitem__, slice(0, 2), [1])
        self.assertRaises(OverflowError, a.__setitem__, 0, 1 << 31)
        with a.get_lock():
            a[0] = 1

    def test_a_number_of_zeros(self):
        a = self.m.Array("d", 5)
        self.assertEqual(a[:], array.array("d", bytes(40)))
        a[:] = range(5)
        self.assertEqual(list(a), [0.0, 1.0, 2.0, 3.0, 4.0])
        c = self.m.Array("c", b"bytes")
        c[1:3] = b"il"
        self.assertEqual(c[:], [b"b", b"i", b"l", b"e", b"s"])
        self.assertEqual(list(self.m.Array("i", [])), [])


class TestQueue(TestCase):
    def test_queue(self):
        for make in (self.m.Queue, self.m.JoinableQueue):
            q = make(maxsize=2)
            self.assertTrue(q.empty())
            q.put([1, ("x", None)])
            q.put({"a": b"b"}, False)
            self.assertEqual((q.qsize(), q.full(), q.empty()), (2, True, False))
            for f in (lambda: q.put(1, False), lambda: q.put(1, True, 0.01), lambda: q.put_nowait(1), lambda: q.put(1, False, 9)):
                self.assertRaises(queue.Full, f)
            self.assertEqual((q.get(), q.get_nowait()), ([1, ["x", None]], {"a": b"b"}))
            for f in (lambda: q.get(False), lambda: q.get(True, 0.01), q.get_nowait, lambda: q.get(timeout=0)):
                self.assertRaises(queue.Empty, f)
            self.assertRaises(ValueError, q.get, True, -1)
            self.assertRaises(ValueError, q.put, 1, True, -1)
            self.assertRaises(TypeError, q.put, time.sleep)
            self.assertEqual(q.qsize(), 0)

    def test_tasks(self):
        q = self.m.JoinableQueue()
        q.put(1), q.put(2)
        joined = threading.Event()

        def join():
            q.join()
            joined.set()

        threading.Thread(target=join, daemon=True).start()
        self.assertEqual((q.get(), q.get()), (1, 2))
        q.task_done()
        self.assertFalse(joined.wait(0.02))
        q.task_done()
        self.assertTrue(joined.wait(LONG))
        self.assertRaisesRegex(ValueError, "too many times", q.task_done)

    def test_a_get_that_waits_holds_up_nobody(self):
        q, d = self.m.Queue(), self.m.dict()
        got = []
        threads = [threading.Thread(target=lambda: got.append(q.get()), daemon=True) for _ in range(20)]
        for t in threads:
            t.start()
        d["a"] = 1
        for i in range(20):
            q.put(i)
        for t in threads:
            t.join(LONG)
        self.assertEqual(sorted(got), list(range(20)))

    def test_an_item_is_got_or_stays(self):
        """Timeouts race with items: none may be lost."""
        q = self.m.Queue()
        got = []

        def get():
            while True:
                try:
                    item = q.get(timeout=0.0005)
                except queue.Empty:
                    continue
                if item is None:
                    return
                got.append(item)

        threads = [threading.Thread(target=get) for _ in range(3)]
        for t in threads:
            t.start()
        for i in range(300):
            q.put(i)
            if i % 10 == 0:
                time.sleep(0.001)
        for _ in threads:
            q.put(None)
        for t in threads:
            t.join(LONG)
        self.assertEqual(sorted(got), list(range(300)))

    def test_proxies_in_queues(self):
        q = self.m.Queue()
        q.put(self.m.list([1]))
        self.assertEqual(q.get()[:], [1])
        q.put(q)
        q.get().put("itself")
        self.assertEqual(q.get(), "itself")

    def test_the_end_of_a_queue(self):
        q = self.m.Queue()
        q.put(1)
        q.close_write()
        self.assertRaises(carom.Closed, q.put, 2)
        self.assertEqual(q.get(), 1)
        self.assertRaises(EOFError, q.get)


if __name__ == "__main__":
    unittest.main()
