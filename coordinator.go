package carom

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"sync"
	"time"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/internal/errs"
	"github.com/carom-ipc/carom/internal/served"
	"github.com/carom-ipc/carom/shm"
)

// runCoordinator is the coordinator that Start launched: it serves until the process
// that started it goes, or tells it to stop.
func runCoordinator() error {
	signal.Ignore(os.Interrupt) // it is for the program, which then stops the coordinator
	control := inheritedFile(controlFD, "control")
	file := inheritedFile(arenaFD, "arena")
	start, err := readMessage(control)
	if err != nil {
		return err
	}
	say := func(err error) error {
		return errors.Join(err, writeMessage(control, message{Kind: "error", Text: err.Error(), Code: errs.Code(err)}))
	}
	arena, err := shm.Attach(file)
	if err != nil {
		return say(err)
	}
	_ = file.Close()
	codec, err := codecByName(start.Codec)
	if err != nil {
		return say(err)
	}
	s, err := serve(arena, serveConfig{addrs: []string{start.Addr}, key: start.Key, limits: start.Limits, codec: codec,
		initializer: start.Name, initArgs: start.Args, only: true})
	if err != nil {
		return say(err)
	}
	if err := writeMessage(control, message{Kind: messageReady, Text: s.addrs[0]}); err != nil {
		return s.stop(context.Background())
	}
	ctx := context.Background()
	m, err := readMessage(control)
	if start.Remote {
		arena.MarkClosed() // which who started this process cannot do
	}
	if err == nil && m.Kind == messageStop {
		// Drain, but not beyond the one who asked.
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(ctx)
		go func() { _, _ = io.Copy(io.Discard, control); cancel() }()
	} else {
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(ctx)
		cancel()
	}
	return s.stop(ctx)
}

type serveConfig struct {
	addrs       []string
	tls         *tls.Config
	key         []byte
	limits      Limits
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
	host   *host
	own    *Manager
	done   sync.WaitGroup
}

// serve listens and serves the arena and the objects of the coordinator.
func serve(arena *shm.Arena, c serveConfig) (*serving, error) {
	arena.SetRole(shm.RoleCoordinator)
	host, err := newHost(c.codec, c.logger)
	if err != nil {
		return nil, err
	}
	id := arena.ID()
	payload, err := encodeCBOR(welcome{Arena: id[:]})
	if err != nil {
		return nil, err
	}
	server, err := coord.NewServer(coord.Config{
		AuthKey: c.key, Names: served.Names(arena), Kinds: host.kinds(), Openers: served.Openers(arena), Codec: c.codec.Name(),
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
	s := &serving{server: server, host: host}
	var listeners []net.Listener
	for _, want := range c.addrs {
		l, addr, err := listen(want, c.tls)
		if err != nil {
			closeAll(listeners)
			s.removeSocketDirs()
			return nil, err
		}
		listeners, s.addrs = append(listeners, l), append(s.addrs, addr)
	}
	// Inside, it serves already: for the initializer.
	s.own = newOwnManager((&Options{Codec: c.codec, Logger: c.logger}).orDefault(), s.addrs[0], c.key, arena, server)
	host.manager = s.own
	if c.only {
		inherited = s.own
	}
	if c.initializer != "" {
		if err := runInitializer(host.context(s.own.ctx), c.initializer, c.initArgs); err != nil {
			closeAll(listeners)
			s.removeSocketDirs()
			_ = server.Close()
			return nil, errors.Join(err, s.own.detach())
		}
	}
	for _, l := range listeners {
		s.done.Go(func() {
			if err := server.Serve(l); err != nil && c.logger != nil {
				c.logger.Error("a listener failed", "addr", l.Addr(), "error", err)
			}
		})
	}
	return s, nil
}

func (s *serving) removeSocketDirs() {
	for _, addr := range s.addrs {
		removeSocketDir(addr)
	}
}

// settleTime is how long the Close of objects of registered types may take at the end.
const settleTime = 2 * time.Second

// stop drains until ctx ends, then stops for good.
func (s *serving) stop(ctx context.Context) error {
	err := s.server.Shutdown(ctx)
	s.removeSocketDirs()
	if isContextError(err) {
		err = nil
	}
	s.done.Wait()
	s.host.settle(settleTime)
	return errors.Join(err, s.own.detach())
}
