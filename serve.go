package carom

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/internal/budget"
	"github.com/carom-ipc/carom/internal/codec"
	"github.com/carom-ipc/carom/internal/endpoint"
	"github.com/carom-ipc/carom/internal/host"
	"github.com/carom-ipc/carom/internal/served"
	"github.com/carom-ipc/carom/internal/spawn"
	"github.com/carom-ipc/carom/shm"
)

// Limits bound what clients can make a coordinator spend. The zero value of each field
// stands for the default that it names.
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

// ServeConfig is what a coordinator that runs on its own needs.
type ServeConfig struct {
	// Listen are the addresses to listen on, all at once: "unix:///path", "unix://@name",
	// "tcp://host:port" on loopback, "tls://host:port". Default: as for Options.Addr.
	Listen  []string
	TLS     *tls.Config // for tls: a certificate; with ClientCAs and ClientAuth, clients need one too. TLS 1.3 at least
	AuthKey []byte      // default: CAROM_AUTHKEY, or the file that CAROM_AUTHKEY_FILE names
	Memory  int64       // budget of the arena in bytes; default as for Options
	Limits  Limits
	Codec   Codec // of arguments and results of registered types; default CBOR
	Logger  *slog.Logger
	Ready   func(addrs []string) // called when it serves, with where it listens
}

// Serve runs a coordinator in this process until ctx ends, then drains for at most
// grace and stops. Programs that Connect to it on this machine share its arena; for all
// others it performs the operations. Errors: ErrAuth without a key, for plaintext beyond
// loopback and for tls without a certificate; ErrExists where another process listens already.
func Serve(ctx context.Context, c ServeConfig, grace time.Duration) error {
	if len(c.AuthKey) == 0 {
		key, warning, err := endpoint.KeyFromEnv()
		if err != nil {
			return opError("serve", "", "", err)
		}
		if c.AuthKey = key; warning != "" && c.Logger != nil {
			c.Logger.Warn(warning)
		}
	}
	if err := codec.Check(c.Codec); err != nil {
		return opError("serve", "", "", err)
	}
	if c.Codec == nil {
		c.Codec = CBOR
	}
	if c.Memory == 0 {
		c.Memory = budget.Default()
	}
	if len(c.Listen) == 0 {
		c.Listen = []string{""}
	}
	arena, err := createArena(c.Memory)
	if err != nil {
		return opError("serve", "", "", err)
	}
	s, err := serve(arena, serveConfig{addrs: c.Listen, tls: c.TLS, key: c.AuthKey, limits: coord.Limits(c.Limits), codec: c.Codec, logger: c.Logger})
	if err != nil {
		_ = arena.Close(context.Background())
		return opError("serve", "", strings.Join(c.Listen, " "), err)
	}
	if c.Ready != nil {
		c.Ready(s.addrs)
	}
	<-ctx.Done()
	arena.MarkClosed()
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	return s.stop(drain)
}

// launch launches the coordinator of Start.
func launch(ctx context.Context, opts Options, key []byte, arena *shm.Arena) (*spawn.Coordinator, error) {
	args, err := codec.Encode(opts.InitArgs)
	if err != nil {
		return nil, fmt.Errorf("InitArgs: %w", err)
	}
	return spawn.Launch(ctx, spawn.LaunchConfig{Command: opts.Command, Logger: opts.Logger, Start: spawn.Start{
		Remote: opts.Remote, Addr: opts.Addr, Key: key, Name: opts.Initializer, Args: args, Codec: opts.Codec.Name(), Limits: coord.Limits(opts.Limits),
	}}, arena.File())
}

// serveLaunched serves in the process that launch started.
func serveLaunched(start spawn.Start, file *os.File) (addr string, stop func(context.Context) error, err error) {
	arena, err := shm.Attach(file)
	if err != nil {
		return "", nil, budget.Explain(err)
	}
	_ = file.Close()
	with, err := codec.ByName(start.Codec)
	if err != nil {
		return "", nil, err
	}
	s, err := serve(arena, serveConfig{addrs: []string{start.Addr}, key: start.Key, limits: start.Limits, codec: with,
		initializer: start.Name, initArgs: start.Args, only: true})
	if err != nil {
		return "", nil, err
	}
	stop = s.stop
	if start.Remote { // then the process that launched this one does not map the arena, and cannot mark it
		stop = func(ctx context.Context) error {
			arena.MarkClosed()
			return s.stop(ctx)
		}
	}
	return s.addrs[0], stop, nil
}

type serveConfig struct {
	addrs       []string
	tls         *tls.Config
	key         []byte
	limits      coord.Limits
	codec       Codec
	initializer string
	initArgs    []byte
	only        bool // the process is there for this coordinator alone
	logger      *slog.Logger
}

// serving is a coordinator at work in this process.
type serving struct {
	addrs  []string
	server *coord.Server
	host   *host.Host
	own    *Manager
	done   sync.WaitGroup
}

// serve listens and serves the arena and the objects of the coordinator.
func serve(arena *shm.Arena, c serveConfig) (*serving, error) {
	arena.SetRole(shm.RoleCoordinator)
	s := &serving{}
	inside := func(ctx context.Context) context.Context { return context.WithValue(ctx, ownManager{}, s.own) }
	var err error
	if s.host, err = host.New(host.Config{
		Codec: c.codec, Logger: c.logger, Context: inside,
		Reference: func(typeid, name string, handle uint64) ([]byte, error) {
			return marshalOpened(s.own, typeid, name, handle)
		},
	}); err != nil {
		return nil, err
	}
	id := arena.ID()
	payload, err := codec.Encode(welcome{Arena: id[:]})
	if err != nil {
		return nil, err
	}
	s.server, err = coord.NewServer(coord.Config{
		AuthKey: c.key, Names: served.Names(arena), Kinds: s.host.Kinds(), Openers: served.Openers(arena), Codec: c.codec.Name(),
		Limits: c.limits, Logger: c.logger,
		Lane: func(ctx context.Context, name string) (coord.Lane, error) { return arena.OpenLane(ctx, name) },
		Welcome: func(p coord.Peer) ([]byte, []*os.File, error) {
			if !p.Local {
				return payload, nil, nil
			}
			return payload, []*os.File{arena.File()}, nil
		},
	})
	if err != nil {
		return nil, err
	}
	var listeners []net.Listener
	for _, want := range c.addrs {
		l, addr, err := endpoint.Listen(want, c.tls)
		if err != nil {
			closeAll(listeners)
			return nil, err
		}
		listeners, s.addrs = append(listeners, l), append(s.addrs, addr)
	}
	// Inside, it serves already: for the initializer.
	s.own = newOwnManager((&Options{Codec: c.codec, Logger: c.logger}).orDefault(), s.addrs[0], c.key, arena, s.server)
	if c.only {
		inherited = s.own
	}
	if c.initializer != "" {
		if err := host.RunInitializer(inside(s.own.ctx), c.initializer, c.initArgs); err != nil {
			closeAll(listeners)
			_ = s.server.Close()
			return nil, errors.Join(err, s.own.detach(s.own.ctx))
		}
	}
	for _, l := range listeners {
		s.done.Go(func() {
			if err := s.server.Serve(l); err != nil && c.logger != nil {
				c.logger.Error("a listener failed", "addr", l.Addr(), "error", err)
			}
		})
	}
	return s, nil
}

// settleTime is how long the Close of objects of registered types may take at the end, and
// how long the arena may take to let go.
const settleTime = 2 * time.Second

// stop drains until ctx ends, then stops for good.
func (s *serving) stop(ctx context.Context) error {
	err := s.server.Shutdown(ctx)
	if isContextError(err) {
		err = nil
	}
	s.done.Wait()
	s.host.Settle(settleTime)
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTime)
	defer cancel()
	return errors.Join(err, s.own.detach(last))
}
