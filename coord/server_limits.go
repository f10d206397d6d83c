package coord

import "time"

const maxFrame = 1 << 30

// Limits bounds what clients can make the coordinator spend. The zero value of
// each field stands for the default that it names.
type Limits struct {
	Frame       int   // bytes of one request or reply; default 64 MiB, at most 1 GiB
	Depth       int   // levels of nesting in arguments; default 128, at most 1,000
	Connections int   // authenticated connections; further ones are refused; default 4,096
	Sessions    int   // of clients, connected or in their grace period; beyond it ErrTooLarge; default 4,096
	Handshakes  int   // connections that are not authenticated yet; the oldest makes way for a further one; default 256
	Memory      int64 // bytes of dynamic objects, names and overhead included; beyond it ErrNoMemory; default 1 GiB
	Blocking    int   // blocking calls of one session at a time; beyond it ErrTooLarge; default 16,384
	Streams     int   // open streams of one session; beyond it ErrTooLarge; default 1,024
	Queue       int   // bytes of replies: waiting for one client to read them before its requests wait too, and kept for it to be sent again; default 16 MiB

	Grace            time.Duration // how long a session whose client can resume it outlives its connection; default 3 s, negative: not at all
	HandshakeTimeout time.Duration // for the whole handshake; default 5 s
	StallTimeout     time.Duration // a client that reads nothing for that long, while there is something to read, is dropped; default 30 s
}

func (l Limits) withDefaults() Limits {
	or := func(v *int, def, most int) {
		if *v <= 0 {
			*v = def
		}
		*v = min(*v, most)
	}
	const unlimited = 1<<31 - 1
	or(&l.Frame, 64<<20, maxFrame)
	or(&l.Depth, 128, 1000)
	or(&l.Connections, 4096, unlimited)
	or(&l.Sessions, 4096, unlimited)
	or(&l.Handshakes, 256, unlimited)
	or(&l.Blocking, 16384, unlimited)
	or(&l.Streams, 1024, unlimited)
	or(&l.Queue, 16<<20, unlimited)
	if l.Memory <= 0 {
		l.Memory = 1 << 30
	}
	if l.Grace == 0 {
		l.Grace = 3 * time.Second
	}
	if l.HandshakeTimeout <= 0 {
		l.HandshakeTimeout = 5 * time.Second
	}
	if l.StallTimeout <= 0 {
		l.StallTimeout = 30 * time.Second
	}
	return l
}
