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
//	stop    worker        the manager is closed
//	ready   its starter   the coordinator serves, at the address Text
//	error   its starter   the coordinator cannot serve
//	result  its starter   the worker returned, and what
//
// Package carom imports spawn, and gives it what needs a manager: how a worker attaches to
// its manager, and how a coordinator serves.
package spawn
