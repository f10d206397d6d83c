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
// independently connect to a coordinator that you run: "carom serve", and Connect.
//
// A method takes a context if it may wait for another process, and returns an error if it
// can fail. An error means that nothing was acquired, stored or taken; the exceptions
// are documented where they are. A context that has ended already does not keep a call from
// doing what takes no waiting.
//
// # Where objects live
//
//   - In the arena, memory that all processes map: Value, Array, Queue, ByteQueue, Lock,
//     RLock, Semaphore, BoundedSemaphore, Condition, Event, Barrier. Using them is a
//     matter of loads, stores and futexes. The coordinator takes no part in it.
//   - In the coordinator, a process of its own that Start launches: Dict, List, Namespace, and
//     objects of registered types. Each call is one round trip: through memory where the
//     process maps the arena, else over a socket.
//
// # Handles
//
// A constructor returns a handle. Any number of goroutines may use one, and a process may have
// several on one object. An object stays when its handles are closed: Manager.Remove takes its
// name away, and the last handle in any process its memory. (An object that a method of a
// registered type returned is different: it goes with its last handle.)
//
//   - Close ends the calls that wait inside the handle: they return ErrClosed and take nothing.
//     Calls at work go on to their ends, and until then the object's memory stays. Close waits
//     for none of them. Other handles notice nothing. An access of one instruction that
//     overlaps with Close (Value.Add, Lock, Unlock) takes place or does not.
//   - Calls after Close are ErrClosed, a second Close too. Methods without an error return
//     the zero value then, and Err says why.
//   - Close returns what the handle had taken from a queue with AtLeastOnce and not confirmed,
//     and frees what a ByteQueue had lent. It releases neither locks nor permits: those belong
//     to the process.
//   - Each call of Value.Lock and Array.Lock makes a handle on the lock inside the object. It is
//     closed with the handle that made it, at the latest, and does not travel.
//   - The memory of a Value, an Array, a lock, an event or a semaphore stays attached for a
//     second after the last Close, unless memory is scarce: an access of one instruction may
//     be under way. Array.Slice must not be used after Close.
//   - Options.Timeout bounds Close, also beside a process that is stopped, and Manager.Close,
//     which closes all handles.
//   - The zero value of a handle type is a closed handle. A nil pointer panics, as a nil
//     *sync.Mutex does.
//
// # Processes
//
// Start launches the coordinator, and a Worker's Start a worker: both are this executable,
// which Init turns into what it is to be. They belong to the process that started them, and end
// when it ends, whatever ended it.
//
//   - What a worker's function returns is what Process.Wait returns, also where another part of
//     the program reaps this process's children. A process that ends before its function returns has
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
// the arena, the session is a process, and its end is a process's death. What differs:
//
//   - Each operation is a round trip, of tens of microseconds on one machine. A method that
//     takes no context is bounded by Options.Timeout. If it has no error either, it returns the
//     zero value where the round trip fails, and Err says why.
//   - Array.Slice is a copy. Array.Do works on a copy, and stores the elements that f
//     changed. Array.All reads many elements at once. ByteQueue copies what it sends.
//   - Objects in the arena do not go on without the coordinator: they are ErrUnavailable.
//   - A lost connection is made anew, and nothing is lost with it. After the grace period
//     (Limits) the session is dead, and what it held is released as after a process's death:
//     its handles of objects in the arena return ErrNotFound, and must be opened again. The
//     coordinator notices at once when a process dies that is connected by a unix socket.
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
// left zero. A pointer is compatible with what it points to. Everything else must be the
// same: the kinds of numbers, keys of dicts and maps, elements of fixed size (Value, Array, and Queue of such),
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
// call Serve; the stock "carom serve" has no registered types.
//
// # Guarantees
//
// After each guarantee stand the tests that try it, in folder tests unless another is named.
// Those that take long take a sample, unless CAROM_WHOLE=1 is in the environment.
//
//  1. No process waits for a dead one. Lock returns ErrOwnerDied if the owner died, to all that
//     want the lock, until one of them calls Recover or Unlock; with the option AutoRecover,
//     the next one gets the lock. A slow or stopped process is never mistaken for a dead one.
//     (TestOwnerKilled, TestSweepersDie, TestManyDieAtOnce, TestStoppedOwner)
//  2. A killed producer leaves its item fully queued or absent. A killed consumer leaves it
//     taken or still queued. With AtLeastOnce, what a consumer took and did not confirm with
//     TaskDone goes back to the front when it dies. (TestKilledInPutAndGet, TestCrashPoints,
//     TestLinearizable)
//  3. A Value is never seen half written, whatever its size and whatever kills its
//     writer. Value's Update, Store, Swap, Add and CompareAndSwap lose nothing of what the
//     others of them did: Update's function runs again if the value changed meanwhile.
//     (TestLinearizable, TestCrashPoints, TestStorm; in this folder TestUpdateLosesNothing)
//  4. A method of a Dict, List or Namespace is one atomic step, unless it says otherwise. It
//     happens once, also if the connection breaks meanwhile. (coord: TestDictIsLinearizable,
//     TestCutAnywhere)
//  5. Objects in the arena work without the coordinator. Objects in the coordinator return
//     ErrUnavailable at once when it is gone for good, as the one that Start launched; where
//     it may come back, calls wait for it until their contexts end. Then their handles return
//     ErrNotFound: it has nothing of what was before. (TestCoordinatorKilled; cmd/carom:
//     TestServeRestarted)
//  6. The end of a context ends a wait promptly, and leaves the object as if the call had
//     not been made. A deadline that passes in Barrier.Wait breaks the barrier, as documented
//     there. (TestCancellationRacesWithAGrant, TestHundredThousandWait; coord:
//     TestCancelledCalls)
//  7. Close of a handle ends the calls that wait in it, and waits for none: see Handles.
//     (TestClose, TestCloseBesideStoppedHolder)
//  8. Nothing remains: when the last process is gone, whatever ended it, so is the memory.
//     The coordinator and the workers end with the process that started them.
//     (TestNothingStays, TestParentKilled, TestNoSocketIsLeft)
//  9. Processes that disagree about an element type's layout get ErrType, not garbage.
//     A type of which a part would not arrive is ErrType, too. (TestElementTypes; in this
//     folder TestWhatWouldNotArriveIsRefused, TestStructsThatGainFields)
//  10. The arena stays within its budget (Options.Memory). Beyond it is ErrNoMemory. (TestFull;
//     shm: TestBudget)
//  11. A hundred thousand blocked goroutines cost fewer than 200 threads.
//     (TestHundredThousandWait; the sample has 25,000)
//
// # Memory model
//
// Atomic accesses (those of Value, and Load, Store and AddAt of Array for elements of 1,
// 2, 4 and 8 bytes) are sequentially consistent among each other in all processes, as
// those of sync/atomic are among goroutines. What a process wrote to shared memory
// before it
//
//   - stored or added to a Value or an element, is seen by a process that loads that,
//   - unlocked a lock, is seen by the process that locks it next,
//   - put an item, is seen by the process that gets it,
//   - set an event, released a semaphore, notified a condition or arrived at a barrier,
//     is seen by the processes whose waits that ends.
//
// Array.Slice is plain memory: it needs one of these edges between its writers and its
// readers, or it is a data race, which the race detector sees within a process and
// no tool sees between two. What a killed process had written by plain stores before its
// death stays as it was at that moment.
//
// # Death
//
// Any process may be killed at any time. The kernel itself marks its death in a word of
// the arena, within milliseconds and whatever the size of the process. There is no heartbeat:
// a stopped or slow process is never mistaken for a dead one. A process that waits for the
// dead one, or the process beside it in the table, then takes back what it held:
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
//   - Elements of Value and Array are of fixed size and free of pointers. Queue, Dict, List
//     and Namespace accept any type that CBOR can encode whole: see Types that travel.
//   - A name has at most 1,024 bytes of UTF-8. A manager has up to 16 million objects and
//     4,095 processes. A message to the coordinator has at most 64 MiB.
//   - Processes that share an arena trust each other: each can write all of it. Only the
//     same user, or root, with the key, can map it.
//   - The coordinator keeps dicts and lists in its memory only: they end with it.
//   - An access of one instruction (Value.Load, a free lock's Lock) that a stop of its whole
//     process (SIGSTOP) interrupts for more than a second may reach memory that is another
//     object's by then, if the last handle was closed just before, and the object removed.
//
// # Debugging
//
//   - "carom ls ADDR" lists a manager's objects and processes, Manager.Objects,
//     Manager.Processes and Manager.Stats tell programs the same.
//   - "carom doctor ADDR", Manager.Check, examines every invariant of the arena.
//   - CAROM_LIVENESS=file makes a process use the fallback for detecting death, a file
//     lock, as where the kernel's robust lists are filtered out.
//   - Errors name the operation, the kind and the object: carom: lock Lock "cache.lock":
//     owner died. Options.Logger gets what the coordinator logs.
//
// # Testing
//
// Call Init first in TestMain, and tests can start workers, which are package variables
// of the test. Managers are independent of each other: give each test its own. The race
// detector knows the memory model above within a process.
package carom
