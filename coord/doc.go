// Package coord is the coordinator of carom: a server of named objects, and
// its client. It has dicts, lists and namespaces of its own and serves any
// other kind of object that is registered with it; PROTOCOL.md describes what
// goes over the wire, completely enough to write a client in another language.
//
//	s, err := coord.NewServer(coord.Config{AuthKey: key})
//	go s.Serve(listener)
//
//	c, err := coord.Dial(ctx, "unix", path, coord.DialConfig{AuthKey: key})
//	h, err := c.Open(ctx, coord.KindDict, "scores", "dict[string]int64", nil, coord.Create)
//	args := coord.AppendText(coord.AppendArray(nil, 1), "alice")
//	out, err := c.Call(ctx, h, "get", args, nil)
//
// The package is part of carom and makes no promise of compatibility of its own, save
// for what a store implements: Opener and Names.
//
// Values are opaque here: CBOR items that are kept and compared as bytes.
// Package carom puts types on top.
//
// # Guarantees
//
//  1. A method of a dict, list or namespace is one atomic step. Requests of one
//     client take effect in the order in which Call was entered; a method that
//     may wait waits without holding up any other request.
//  2. Cancelling a context ends Client.Call at once and cancels the method's
//     context at the coordinator. A call that is cancelled on its way may have
//     been carried out.
//  3. A connection that is lost is made anew, and the session goes on: each call
//     is carried out once, and answered. While there is no connection, calls
//     wait until their contexts end; when the coordinator is gone for good, or
//     the session is lost, they return ErrUnavailable.
//  4. Sessions, the objects that they have open, their streams and their
//     running calls end with the client, when it is known to be dead, or when
//     it has not come back within the grace period. Each Open gives a handle of its
//     own. Handles are never used again, not even by another coordinator at the same
//     address.
//  5. One directory, Names, decides what each name stands for. Open without Exclusive
//     never fails because the name is taken by an object of that kind and type, and
//     never returns an object whose name was removed before the call. A name whose
//     object could not be made is free again.
//  6. A peer that cannot prove that it holds the key gets nothing, and costs at
//     most 4 KiB and a few seconds. Nor does a client that holds it take the
//     coordinator down: frames, nesting, memory, calls and queues are bounded
//     (Limits), garbage ends the connection that it came from, a panic ends the
//     method that it happened in.
//
// # Inside
//
// Files are named after the part that they belong to: client_, server_, session_
// (the server's view of a client, which outlives connections), dict_ and list_ (the
// kinds), wire_ (what both sides encode), transport_ (what carries it).
//
// Client and server exchange frames over a transport (transport.go), which is
// a socket, or a lane beside it (transport_lane.go). Both sides keep what it takes to
// go on with another (session_resume.go, client_reconnect.go). The registry has the
// objects by their identities (server_registry.go); what it does to a name and what
// the directory does is one step, because it takes the name's turn. The client has
// no goroutine that reads: callers read for each other (client_lead.go). Writers
// gather frames and write them for each other (transport_outbox.go). The envelope is
// encoded by hand (wire_envelope.go).
package coord
