// Package carom shares objects between the processes of a program: values, arrays,
// queues, locks and the other means of synchronisation in memory that all processes
// map, dicts, lists and namespaces in a coordinator, and one Manager to make them. It
// is for Go what the managers of Python's multiprocessing are for Python.
//
// # Quick start
//
//	var count = carom.NewWorker("count", func(ctx context.Context, total *carom.Value[int64]) error {
//		carom.Add(total, 1000)
//		return nil
//	})
//
//	func main() {
//		carom.Init() // the first line of main: workers and the coordinator begin here
//		ctx := context.Background()
//		m, err := carom.Start(ctx, nil)
//		if err != nil {
//			log.Fatal(err)
//		}
//		defer m.Close()
//		total, err := carom.NewValue[int64](m, "total")
//		if err != nil {
//			log.Fatal(err)
//		}
//		g := carom.NewGroup(ctx, m)
//		for range 4 {
//			count.Go(g, total)
//		}
//		if err := g.Wait(); err != nil {
//			log.Fatal(err)
//		}
//		fmt.Println(total.Load()) // 4000
//	}
//
// A worker is a function in a process of its own: this executable, started again. A
// handle that is an argument, an item of a queue or an entry of a dict arrives attached.
// NewX makes sure that an object of a name exists and attaches to it, so N equal
// processes can all call it; OpenX only attaches. Programs that were started
// independently meet through "carom serve" and Connect.
//
// A method takes a context if it may wait for somebody else, and returns an error if it
// can fail. An error means that nothing was acquired, stored or taken; the exceptions
// are documented where they are.
//
// # Where objects live
//
//   - In the arena, memory that all processes map: Value, Array, Queue, ByteQueue, Lock,
//     RLock, Semaphore, BoundedSemaphore, Condition, Event, Barrier. Using them is a
//     matter of loads, stores and futexes. The coordinator takes no part in it.
//   - In the coordinator, a process of its own that Start launches: Dict, List and
//     Namespace. Each call is one round trip over a socket.
//
// # Processes
//
// Start launches the coordinator, and a Worker's Start a worker: both are this executable,
// which Init turns into what it is to be. They belong to the process that started them, and go
// when it goes, however it ends.
//
//   - What a worker's function returns is what Process.Wait returns, also where somebody else
//     reaps this process's children. A process that ends before its function returns has
//     failed: by os.Exit, also with status 0, by runtime.Goexit, exec, a crash or a signal.
//   - A worker's context ends when the manager is closed, when the process that started it is
//     gone, when the context that Start was given ends, and with SIGTERM. context.Cause tells
//     which; Worker lists the causes. The worker has 500 ms to return then, and is killed a
//     second after the end of Start's context; after SIGTERM it has as long as it likes.
//   - Signals to the whole process group or cgroup (Ctrl-C, a terminal that hangs up, a service
//     manager that stops its service) are for the process that the user started, whose contexts
//     decide about the others. Workers and the coordinator take no notice of SIGINT and SIGHUP.
//     With SIGQUIT the coordinator prints the stacks of its goroutines, which Options.Logger
//     gets. SIGTERM ends a worker's context. A function that wants signals asks for them by
//     signal.Notify. Programs that children execute are born with the signals that this process
//     was born with. In its first milliseconds, before Go has started, a child dies of signals
//     as any process does.
//   - The coordinator's socket has an abstract name, unless Options.Addr or XDG_RUNTIME_DIR says
//     where it is to be: no file stands for it, so none is left. Start needs no file system that
//     it can write. It needs /proc, and a limit of file sizes (ulimit -f) and of address space
//     (ulimit -v) above 64 GiB, since the arena is sparse; Options.Remote, with a coordinator
//     that runs elsewhere, needs neither.
//
// # Remote managers
//
// A program that is connected by tcp or tls cannot map the arena. It has all objects
// nevertheless, by the same API: the coordinator performs the operations, on the very
// words that local processes use. Options.Remote, or CAROM_REMOTE=1 in the environment,
// does the same where the arena could be mapped, for a whole program and its workers. In
// the arena, the session is a process, and its end a process's death. What differs:
//
//   - Each operation is a round trip, of tens of microseconds on one machine. A method that
//     takes no context is bounded by Options.Timeout. One that has no error either gives the
//     zero value where the round trip fails, and Err says why.
//   - Array.Slice is a copy. Array.Do works on a copy, and stores the elements that f
//     changed. Array.All reads many elements at once. ByteQueue copies what it sends.
//   - Objects in the arena do not go on without the coordinator: they are ErrUnavailable.
//   - A connection that is lost is made anew, and nothing is lost with it. After the grace
//     period (Limits) the session has died, and what it held with it: its handles of objects
//     in the arena answer ErrNotFound, and are to be opened again. The death of a process
//     that is connected by a unix socket is noticed at once.
//   - A value that goes into one message is bounded by the frame limit (Limits): an item of
//     a queue, what InitialSlice says.
//   - Elements are little-endian on the wire: a big-endian machine cannot use those of more
//     than one byte.
//
// # Types that travel
//
// Arguments of workers and methods, entries of dicts, items of lists, attributes, and items
// of queues that are not of fixed size are encoded as CBOR and decoded in another process.
// carom refuses a type of which something would not arrive, where the type is named:
// NewWorker panics; constructors, Attr, Call and methods of registered types return an
// ErrType that names the field. Refused are
//
//   - fields that are not exported, of types of the program's own module. Export the field,
//     tag it `cbor:"-"`, or give the type MarshalCBOR and UnmarshalCBOR, or MarshalBinary and
//     UnmarshalBinary. In types of other modules such fields are dropped, as encoding/json
//     does it; so they are where the program was built without module information, as "go
//     run file.go" does.
//   - fields that are not exported and hold a handle, of any type.
//   - structs of which no field travels, but for struct{}.
//   - functions, channels, unsafe pointers, complex numbers, and interfaces with methods,
//     error among them. What is in an any is examined when it is encoded.
//   - structs that embed a handle, or another type that encodes itself: they would be
//     encoded as that part alone. Give the field a name. A struct that embeds a Ref by value
//     is a handle itself.
//
// With Options.Codec JSON, the same holds of arguments and results, by JSON's tags and
// methods. A codec of the program's own is left to itself. Results of methods are only
// encoded, so they may have interfaces other than error.
//
// A handle that is nil arrives nil.
//
// A struct may change from one version of a program to the next while both run. Where
// structs are encoded, types are compatible if fields of one name have compatible types, of
// which there is one at least; a field that only one side has is ignored by the other, and
// left zero. A pointer is
// compatible with what it points to. Everything else must be the same: the kinds of
// numbers, keys of dicts and maps, elements of fixed size (Value, Array, and Queue of such),
// structs with the option toarray, and types that encode themselves. A type is compared with
// the one by which the object was made. What writes back a value drops the fields that it
// does not know. List's Index and Remove compare bytes, so they find what their own
// version wrote.
//
// # Types of your own
//
// Register makes objects of any Go type available to all processes. They live in the
// coordinator, which is the same executable and so knows the type:
//
//	type counter struct{ n int }
//
//	func newCounter() *counter       { return &counter{} }
//	func (c *counter) Add(n int) int { c.n += n; return c.n }
//
//	var counters = carom.Register[*counter]("Counter", newCounter)
//
//	ref, err := counters.New(m, "hits")               // in any process
//	sum, err := carom.Call[int](ctx, ref, "Add", 1)
//
// A struct that embeds Ref is a typed proxy, which "carom gen -type Counter" writes. One
// method at a time runs on an object, unless the type is Concurrent. Methods can make and
// use other objects of the coordinator, return objects that stay there (Returns), and give
// streams (Iterate). Programs that run a coordinator by themselves register their types and
// call Serve; "carom serve" knows none.
//
// # Guarantees
//
//  1. Nobody waits for the dead. A lock whose owner died is ErrOwnerDied to all who want
//     it until somebody calls Recover, or goes to the next with the option AutoRecover.
//  2. An item is in a queue wholly or not at all, whatever kills its producer. A consumer
//     that is killed has taken it or has not. With AtLeastOnce, what it took and did not
//     confirm with TaskDone goes back to the front.
//  3. A Value is never seen half written, whatever its size and whatever kills its
//     writer. Value's Update, Store, Swap, Add and CompareAndSwap lose nothing of what the
//     others of them did: Update's function runs again if the value changed meanwhile.
//  4. A method of a Dict, List or Namespace is one atomic step, unless it says otherwise.
//  5. Objects in the arena go on without the coordinator. Objects in the coordinator
//     answer ErrUnavailable at once when it is gone for good, as the one that Start
//     launched; where it may come back, calls wait for it until their contexts end.
//  6. The end of a context ends a wait promptly, and leaves the object as if the call had
//     not been made.
//  7. Nothing remains: when the last process is gone, whatever ended it, so is the memory.
//     The coordinator and the workers go with the process that started the manager.
//  8. Processes that disagree about an element type's layout get ErrType, not garbage.
//  9. The arena stays within its budget (Options.Memory). Beyond it is ErrNoMemory.
//  10. A hundred thousand blocked goroutines cost fewer than 200 threads.
//
// # Memory model
//
// Atomic accesses (those of Value, and Load, Store and AddAt of Array for elements of 1,
// 2, 4 and 8 bytes) are sequentially consistent among each other in all processes, as
// those of sync/atomic are among goroutines. What a process wrote to shared memory
// before it
//
//   - stored or added to a Value or an element, is seen by whoever loads that,
//   - unlocked a lock, is seen by whoever locks it next,
//   - put an item, is seen by whoever gets it,
//   - set an event, released a semaphore, notified a condition or arrived at a barrier,
//     is seen by whoever is let go by it.
//
// Array.Slice is plain memory: it needs one of these edges between its writers and its
// readers, or it is a data race, which the race detector sees within a process and
// nobody sees between two. What a killed process had written by plain stores before its
// death stays as it was at that moment.
//
// # Death
//
// Any process may be killed at any time. The kernel itself marks its death in a word of
// the arena, within milliseconds and whatever the size of the dead. There is no heartbeat:
// a process that is stopped or slow is not taken for dead. Whoever waits for it, or
// the process beside it in the table, then takes back what it held:
//
//	a Lock or RLock              becomes ErrOwnerDied, or free with AutoRecover
//	a permit                     comes back: of a BoundedSemaphore, or with Permits
//	a unit of a plain Semaphore  does not: it is a signal
//	an unconfirmed item          goes back to the queue's front, with AtLeastOnce
//	a place among waiters        goes, and no notification is lost to it
//	a party waiting in a Barrier breaks it: ErrBroken for the others
//	memory taken and not given   is freed
//	a name without a process     stays, until Remove or the manager's end
//
// To repair what a lock guards after ErrOwnerDied, call Recover, look, repair, Unlock.
// Where work must be counted exactly once although its worker may die at any
// instruction, publish the work's result in one step: the demo of cmd/carom shows how,
// and argues it.
//
// # Limits
//
//   - Linux on a 64-bit machine. Kernels before 5.16, which cannot wait for several words
//     at once, are slower to wake. Elsewhere programs build, and Start returns an error that
//     wraps errors.ErrUnsupported.
//   - Elements of Value and Array are of fixed size and free of pointers. Queue, Dict,
//     List and Namespace take whatever CBOR encodes.
//   - A name has at most 1,024 bytes of UTF-8. A manager has up to 16 million objects and
//     4,095 processes. A message to the coordinator has at most 64 MiB.
//   - Processes that share an arena trust each other: each can write all of it. Only the
//     same user, or root, with the key, gets at it.
//   - The dicts and lists of a coordinator are gone when it is.
//
// # Debugging
//
//   - "carom ls ADDR" lists a manager's objects and processes, Manager.Objects,
//     Manager.Processes and Manager.Stats tell programs the same.
//   - "carom doctor ADDR", Manager.Check, examines every invariant of the arena.
//   - CAROM_LIVENESS=file makes a process use the fallback for detecting death, a file
//     lock, as where the kernel's robust lists are filtered out.
//   - Errors name the operation, the kind and the object: carom: lock Lock "cache.lock":
//     owner died. Options.Logger gets what the coordinator has to say.
//
// # Testing
//
// Call Init first in TestMain, and tests can start workers, which are package variables
// of the test. Managers are independent of each other: give each test its own. The race
// detector knows the memory model above within a process.
package carom
