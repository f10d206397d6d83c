"""dict, list and Namespace, as multiprocessing's proxies have them."""

import datetime
import unittest

from support import TestCase, carom


class TestDict(TestCase):
    def test_methods(self):
        d = self.m.dict([("a", 1)], b=2)
        self.assertEqual(d.copy(), {"a": 1, "b": 2})
        self.assertEqual((len(d), "a" in d, "c" in d, d["a"], d.get("c"), d.get("c", 7)), (2, True, False, 1, None, 7))
        d["c"] = None
        self.assertIsNone(d["c"])
        self.assertIsNone(d.get("c", 7))
        self.assertEqual(d.setdefault("a", 9), 1)
        self.assertEqual(d.setdefault("d", 4), 4)
        del d["d"]
        self.assertEqual(d.pop("c"), None)
        self.assertEqual(d.pop("c", 5), 5)
        d.update({"x": [1, {"y": 2}]}, z=3)
        d.update([("w", 0)])
        self.assertEqual(d.keys(), ["a", "b", "x", "z", "w"])
        self.assertEqual(d.values(), [1, 2, [1, {"y": 2}], 3, 0])
        self.assertEqual(d.items()[0], ("a", 1))
        self.assertEqual(d.popitem(), ("w", 0))
        self.assertEqual(dict(d), d.copy())
        self.assertEqual(str(d), str(d.copy()))
        self.assertTrue(d)
        d.clear()
        self.assertFalse(d)

    def test_what_is_missing(self):
        d = self.m.dict()
        for f in (lambda: d["a"], lambda: d.pop("a"), lambda: d.__delitem__("a")):
            with self.assertRaises(KeyError) as e:
                f()
            self.assertEqual(e.exception.args, ("a",))
        self.assertRaisesRegex(KeyError, "popitem", d.popitem)
        self.assertRaises(TypeError, d.pop)
        self.assertRaises(TypeError, d.get, [])
        self.assertRaises(TypeError, d.__setitem__, "a", object())
        self.assertEqual(len(d), 0)

    def test_keys_are_what_they_were(self):
        keys = [0, -1, 1 << 70, 1.5, "a", b"a", None, True, (1, ("x", b"y")), ()]
        d = self.m.dict((k, i) for i, k in enumerate(keys))
        self.assertEqual(d.keys(), keys)
        self.assertEqual([d[k] for k in keys], list(range(len(keys))))
        self.assertEqual(list(d), keys)

    def test_values_are_what_they_were(self):
        now = datetime.datetime.now(datetime.timezone.utc)
        values = [-(1 << 80), 1e300, float("-inf"), "ü\U00010151", b"\0\xff", [[], {}], {"a": {1: None}}, now]
        d = self.m.dict(enumerate(values))
        self.assertEqual(d.values(), values)

    def test_iteration(self):
        d = self.m.dict((i, i) for i in range(5000))
        it = iter(d)
        self.assertEqual(list(it), list(range(5000)))
        self.assertEqual(list(it), [])
        it = iter(d)
        d.clear()
        self.assertRaises(RuntimeError, next, it)

    def test_iterators_that_are_dropped_leave_nothing(self):
        d = self.m.dict((i, "x" * 1000) for i in range(2000))
        for _ in range(1100):  # more than streams that a session may have
            it = iter(d)
            self.assertEqual(next(it), 0)
            del it

    def test_larger_than_a_frame_allows(self):
        d = self.m.dict((i, bytes(1 << 20)) for i in range(20))
        self.assertEqual(sum(map(len, d.values())), 20 << 20)
        with self.assertRaises(carom.TooLarge):
            d["big"] = bytes(65 << 20)
        self.assertEqual(len(d), 20)

    def test_add(self):
        d = self.m.dict()
        self.assertEqual((d.add("n", 2), d.add("n", -5), d.add("x", 0.5)), (2, -3, 0.5))
        d["s"] = "text"
        self.assertRaises(carom.TypeMismatch, d.add, "s", 1)


class TestList(TestCase):
    def test_methods(self):
        l = self.m.list([3, 1, 2])
        l.append("x")
        l.extend(range(2))
        l.insert(0, "first")
        l.insert(-100, "very first")
        self.assertEqual(l[:], ["very first", "first", 3, 1, 2, "x", 0, 1])
        self.assertEqual((len(l), l[0], l[-1], "x" in l, "y" in l), (8, "very first", 1, True, False))
        self.assertEqual((l.index(1), l.index(1, 4), l.count(1), l.pop(), l.pop(0)), (3, 7, 2, 1, "very first"))
        l.remove("x")
        l.reverse()
        self.assertEqual(list(l), [0, 2, 1, 3, "first"])
        l[-1] = 9
        l.sort()
        self.assertEqual(list(reversed(l)), [9, 3, 2, 1, 0])
        del l[0]
        self.assertEqual((l + [1], l * 2, 2 * l, str(l)), ([1, 2, 3, 9, 1], [1, 2, 3, 9] * 2, [1, 2, 3, 9] * 2, "[1, 2, 3, 9]"))
        l += (5,)
        l *= 2
        self.assertIsInstance(l, carom.ListProxy)
        self.assertEqual(l[:], [1, 2, 3, 9, 5] * 2)
        l *= 0
        self.assertFalse(l)

    def test_what_is_missing(self):
        l = self.m.list([1])
        for f in (lambda: l[1], lambda: l[-2], lambda: l.pop(1), lambda: l.__setitem__(1, 0), lambda: l.__delitem__(1)):
            self.assertRaises(IndexError, f)
        for f in (l.index, l.remove):
            self.assertRaises(ValueError, f, 2)
        self.assertRaises(TypeError, lambda: l["a"])
        self.assertEqual(l[:], [1])

    def test_slices(self):
        want = list(range(20))
        for s in [slice(2, 5), slice(-3, None), slice(None, -18), slice(5, 2), slice(0, 99), slice(None, None, 3),
                  slice(15, 3, -4), slice(None), slice(-99, 4), slice(7, 7)]:
            with self.subTest(s=s):
                l, have = self.m.list(want), want[:]
                self.assertEqual(l[s], have[s])
                new = ["n"] * len(have[s])
                l[s] = have[s] = new
                self.assertEqual(l[:], have)
                del l[s], have[s]
                self.assertEqual(l[:], have)
        l = self.m.list(want)
        l[3:5] = want[3:5] = "abcdef"
        l[1:1] = want[1:1] = ["in"]
        l[9:4] = want[9:4] = ["clipped"]
        self.assertEqual(l[:], want)
        self.assertRaises(ValueError, l.__setitem__, slice(None, None, 2), [1])

    def test_iteration_sees_changes(self):
        l = self.m.list(range(3))
        it = iter(l)
        l[0] = 100
        l.append(4)
        self.assertEqual(list(it), [100, 1, 2, 4])
        self.assertEqual(list(it), [])

    def test_sort(self):
        l = self.m.list(["b", "C", "a"])
        l.sort()
        self.assertEqual(l[:], ["C", "a", "b"])
        l.sort(key=str.lower, reverse=True)
        self.assertEqual(l[:], ["C", "b", "a"])
        l[:] = [[2], [1, 5], [1]]
        l.sort()
        self.assertEqual(l[:], [[1], [1, 5], [2]])
        l.append("x")
        self.assertRaises(TypeError, l.sort)

    def test_many_items(self):
        l = self.m.list(range(100_000))
        self.assertEqual(l[:], list(range(100_000)))
        self.assertEqual(l[99_990:], list(range(99_990, 100_000)))


class TestNamespace(TestCase):
    def test_attributes(self):
        n = self.m.Namespace(x=1)
        n.name = "Bob"
        n._hidden = "here only"
        self.assertEqual((n.x, n.name, n._hidden), (1, "Bob", "here only"))
        del n.x
        self.assertEqual(str(n), "Namespace(name='Bob')")
        self.assertFalse(hasattr(n, "x"))
        self.assertRaisesRegex(AttributeError, "'Namespace' object has no attribute 'x'", lambda: n.x)
        self.assertRaises(AttributeError, n.__delattr__, "x")
        self.assertRaises(AttributeError, lambda: n._other)


class TestNested(TestCase):
    def test_proxies_come_back_live(self):
        inner = self.m.dict(a=1)
        outer = self.m.dict(inner=inner, l=self.m.list([1]))
        outer["inner"]["b"] = 2
        self.assertEqual(inner["b"], 2)
        outer["l"].append(2)
        self.assertEqual(outer["l"][:], [1, 2])
        del inner
        self.assertEqual(outer["inner"].copy(), {"a": 1, "b": 2})
        n = self.m.Namespace(d=outer)
        self.assertEqual(n.d["inner"]["a"], 1)

    def test_a_list_in_itself(self):
        l = self.m.list()
        l.append(l)
        l[0][0][0].append(5)
        self.assertEqual(l[-1], 5)

    def test_another_manager_of_the_coordinator(self):
        d = self.m.dict(name="shared")
        d["l"] = self.m.list([1])
        other = self.connect().dict(name="shared")
        other["l"].append(2)
        self.assertEqual(d["l"][:], [1, 2])
        self.m.remove("shared")


class TestNames(TestCase):
    def names(self, m):
        return [o.name for o in m.objects()]

    def test_objects(self):
        d = self.m.dict({"a": 1}, name="d")
        self.assertEqual(carom.name_of(d), "d")
        again = self.connect().dict({"b": 1}, name="d")  # what is there counts
        self.assertEqual(again.copy(), {"a": 1})
        [o] = [o for o in self.m.objects() if o.name == "d"]
        self.assertEqual((o.kind, o.length, o.sessions), ("dict", 1, 2))
        self.assertEqual(self.m.open("dict", "d")["a"], 1)
        self.assertRaises(carom.TypeMismatch, self.m.list, name="d")
        self.m.remove(d)
        self.assertRaises(carom.NotFound, self.m.open, "dict", "d")
        self.assertEqual(again["a"], 1)
        self.assertRaises(carom.NotFound, self.m.remove, "d")
        self.m.dict({"new": 1}, name="d")
        self.assertEqual(again.copy(), {"a": 1})
        self.assertEqual(self.m.open("Dict", "d").copy(), {"new": 1})
        stranger = self.connect()
        stranger.remove("d")
        stranger.dict({"newer": 1}, name="d")
        self.assertEqual(self.m.open("dict", "d").copy(), {"newer": 1})
        again._a.connection._stream.abort()
        self.eventually(lambda: not again._a.connection.alive)
        self.assertRaisesRegex(carom.NotFound, "another one", len, again)
        self.m.remove("d")
        self.assertRaises(carom.BadName, self.m.dict, name="")

    def test_a_name_that_others_gave_to_another_object(self):
        """Each opening of an object in shared memory has a handle of its own; its identity tells which it is of."""
        stranger = self.connect()
        for kind, make in (("lock", "Lock"), ("event", "Event")):
            old = getattr(self.m, make)(name=kind)
            stranger.remove(kind)
            new = getattr(stranger, make)(name=kind)
            got = self.m.open(kind, kind)
            self.assertTrue(got._a.same_object(new._a))
            self.assertFalse(got._a.same_object(old._a))
            old._a.connection._stream.abort()
            self.eventually(lambda: not old._a.connection.alive)
            call = old.acquire if kind == "lock" else old.set
            self.assertRaisesRegex(carom.NotFound, "another one", call)
            self.m.remove(kind)

    def test_what_nobody_holds_goes(self):
        before = len(self.m.objects())
        held, told = self.m.dict(), self.m.list()
        held["l"] = told
        self.m.list([1, 2])
        self.assertEqual(len(self.m.objects()), before + 2)
        del told
        self.assertEqual(len(self.m.objects()), before + 2)
        self.assertEqual(held["l"][:], [])
        other = self.connect()
        self.m.close()
        self.assertEqual(len(other.objects()), before)


if __name__ == "__main__":
    unittest.main()
