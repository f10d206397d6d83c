"""The same work by Python's multiprocessing. Reads numbers of operations, answers
what they took."""
import json
import multiprocessing as mp
import sys
import time

now = time.monotonic_ns


class Crowd:
    """Processes that do what they are told in rounds: work(n) each."""

    def __init__(self, ctx, works):
        self.pipes = []
        for work in works:
            here, there = ctx.Pipe()
            ctx.Process(target=serve, args=(work, there), daemon=True).start()
            self.pipes.append(here)
        self.round([0] * len(works))

    def round(self, shares):
        for p, n in zip(self.pipes, shares):
            p.send(n)
        times = [p.recv() for p in self.pipes]
        return max(t[1] for t in times) - min(t[0] for t in times)


def serve(work, pipe):
    while True:
        n = pipe.recv()
        start = now()
        work(n)
        pipe.send((start, now()))


def shared(n, parts):
    return [(n + i) // parts for i in range(parts)]


def queue(ctx, size, depth, producers, consumers):
    producers, consumers = int(producers), int(consumers)
    q = ctx.Queue(int(depth))
    item = bytes(int(size))

    def put(n):
        for _ in range(n):
            q.put(item)

    def get(n):
        for _ in range(n):
            q.get()

    crowd = Crowd(ctx, [put] * producers + [get] * consumers)
    return lambda n: crowd.round(shared(n, producers) + shared(n, consumers))


def round_trip(ctx, what):
    def event():
        e = ctx.Event()
        return e.set, lambda: (e.wait(), e.clear())

    def semaphore():
        s = ctx.Semaphore(0)
        return s.release, s.acquire

    def condition():
        c, rung = ctx.Condition(), ctx.RawValue("i", 0)

        def ring():
            with c:
                rung.value = 1
                c.notify()

        def hear():
            with c:
                c.wait_for(lambda: rung.value)
                rung.value = 0

        return ring, hear

    def queue():
        q = ctx.Queue()
        item = bytes(64)
        return lambda: q.put(item), q.get

    make = locals()[what]
    ring_there, hear_there = make()
    ring_back, hear_back = make()

    def ping(n):
        for _ in range(n):
            ring_there()
            hear_back()

    def pong(n):
        for _ in range(n):
            hear_there()
            ring_back()

    crowd = Crowd(ctx, [ping, pong])
    return lambda n: crowd.round([n, n])


def barrier(ctx):
    b = ctx.Barrier(2)

    def work(n):
        for _ in range(n):
            b.wait()

    crowd = Crowd(ctx, [work, work])
    return lambda n: crowd.round([n, n])


def locks(ctx, procs):
    v = ctx.Value("q", 0)

    def work(n):
        for _ in range(n):
            with v.get_lock():
                v.value += 1

    crowd = Crowd(ctx, [work] * int(procs))
    return lambda n: crowd.round(shared(n, int(procs)))


def timed(work):
    def run(n):
        start = now()
        work(n)
        return now() - start

    return run


def value(ctx):
    v = ctx.Value("q", 0)

    @timed
    def run(n):
        for _ in range(n):
            with v.get_lock():
                v.value += 1

    return run


def pair(held):
    @timed
    def run(n):
        for _ in range(n):
            held.acquire()
            held.release()

    return run


def lock(ctx):
    return pair(ctx.Lock())


def semaphore(ctx):
    return pair(ctx.Semaphore(1))


def manager_dict(ctx, op):
    d = ctx.Manager().dict({"key-%04d" % i: 1000 + i for i in range(1000)})
    keys = d.keys()
    some = {k: i for i, k in enumerate(keys[:100])}

    def get(n):
        for i in range(n):
            d[keys[i % 1000]]

    def set(n):
        for i in range(n):
            d[keys[i % 1000]] = 1000 + i

    def update(n):
        for i in range(0, n, 100):
            d.update(some)

    return timed(locals()[op])


def manager_list(ctx, op):
    whole = ctx.Manager().list(range(1000))

    def append(n):
        for i in range(n):
            whole.append(i)
            if i % 10000 == 9999:
                whole[:] = []
        whole[:] = []

    def all(n):
        for i in range(0, n, 1000):
            for _ in whole[:]:
                pass

    return timed(locals()[op])


def start(ctx):
    def run(n):
        took = 0
        for _ in range(n):
            begin = now()
            manager = ctx.Manager()
            d = manager.dict()
            d["k"] = 1
            took += now() - begin
            manager.shutdown()
        return took

    return run


def main():
    ctx = mp.get_context("fork")
    run = globals()[sys.argv[1]](ctx, *sys.argv[2:])
    for line in sys.stdin:
        n = int(line)
        print(json.dumps({"Ops": n, "Elapsed": run(n)}), flush=True)


if __name__ == "__main__":
    main()
