"""The same work by Python's multiprocessing. Reads numbers of operations, answers
nanoseconds."""
import multiprocessing as mp
import sys
import time


def consume(queue, rounds, done):
    for n in iter(rounds.recv, 0):
        for _ in range(n):
            queue.get()
        done.send(time.monotonic_ns())


def queue(ctx, _):
    q = ctx.Queue(1024)
    there, rounds = ctx.Pipe()
    done, back = ctx.Pipe()
    p = ctx.Process(target=consume, args=(q, rounds, back), daemon=True)
    p.start()
    item = bytes(64)

    def run(n):
        there.send(n)
        start = time.monotonic_ns()
        for _ in range(n):
            q.put(item)
        return done.recv() - start

    return run


def manager_dict(ctx, manager):
    d = manager.dict({"key-%04d" % i: 1000 + i for i in range(1000)})

    def run(n):
        start = time.monotonic_ns()
        for i in range(n):
            d["key-%04d" % (i % 1000)]
        return time.monotonic_ns() - start

    return run


def value(ctx, _):
    v = ctx.Value("q", 0)

    def run(n):
        start = time.monotonic_ns()
        for _ in range(n):
            with v.get_lock():
                v.value += 1
        return time.monotonic_ns() - start

    return run


def lock(ctx, _):
    held = ctx.Lock()

    def run(n):
        start = time.monotonic_ns()
        for _ in range(n):
            held.acquire()
            held.release()
        return time.monotonic_ns() - start

    return run


def main():
    ctx = mp.get_context("fork")
    manager = ctx.Manager() if sys.argv[1] == "manager_dict" else None
    run = globals()[sys.argv[1]](ctx, manager)
    for line in sys.stdin:
        print(run(int(line)), flush=True)


if __name__ == "__main__":
    main()
