// Package spawn starts the processes of a manager, its coordinator and its workers, and
// speaks with them; and it is what those do first: Begin tells a process as what it was
// started, Coordinate and Work are the mains of both.
//
// A child gets the arena as descriptor 3 and one end of a socket pair as descriptor 4. Over
// that go CBOR messages with a 4-byte length before each; its end, however it comes, is the
// other process's end. Workers of a manager that does not map the arena have no descriptor
// 3. The first message to a child is a Start, and all others are of a kind:
//
//	kind    to            says
//	stop    coordinator   drain and go
//	stop    worker        the manager was closed
//	end     worker        the context that it was started with ended, and why
//	ready   its starter   the coordinator serves, at the address Text
//	result  its starter   the worker returned nil
//	error   its starter   the coordinator cannot serve; the worker failed, and how
//
// The arguments follow the Start as plain bytes. A worker's last word, result or error,
// decides about it, whatever becomes of its process; one that ends without a word has failed.
// What children make of signals is a table in signals.go.
//
// Package carom imports spawn, and gives it what needs a manager: how a worker attaches to
// its manager, and how a coordinator serves.
package spawn
