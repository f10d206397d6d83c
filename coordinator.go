package carom

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/internal/errs"
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
	s, err := serve(arena, serveConfig{addr: start.Addr, key: start.Key, initializer: start.Name, initArgs: start.Args})
	if err != nil {
		return say(err)
	}
	if err := writeMessage(control, message{Kind: messageReady, Text: s.addr}); err != nil {
		return s.stop(context.Background())
	}
	ctx := context.Background()
	if m, err := readMessage(control); err == nil && m.Kind == messageStop {
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
	addr        string
	key         []byte
	initializer string
	initArgs    []byte
	logger      *slog.Logger
}

// serving is a coordinator at work in this process.
type serving struct {
	addr   string
	server *coord.Server
	arena  *shm.Arena
	done   chan error
}

// serve listens and serves the arena and the objects of the coordinator.
func serve(arena *shm.Arena, c serveConfig) (*serving, error) {
	arena.SetRole(shm.RoleCoordinator)
	if c.initializer != "" {
		if err := runInitializer(c.initializer, c.initArgs); err != nil {
			return nil, err
		}
	}
	id := arena.ID()
	payload, err := encodeCBOR(welcome{Arena: id[:]})
	if err != nil {
		return nil, err
	}
	server, err := coord.NewServer(coord.Config{
		AuthKey: c.key, Names: names{arena}, Logger: c.logger,
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
	listener, addr, err := listen(c.addr)
	if err != nil {
		return nil, err
	}
	s := &serving{addr: addr, server: server, arena: arena, done: make(chan error, 1)}
	go func() { s.done <- server.Serve(listener) }()
	return s, nil
}

// stop drains until ctx ends, then stops for good.
func (s *serving) stop(ctx context.Context) error {
	err := s.server.Shutdown(ctx)
	removeSocketDir(s.addr)
	if isContextError(err) {
		err = nil
	}
	<-s.done
	return errors.Join(err, s.arena.Close())
}

// listen opens the socket; "" is one in a directory of its own. A unix socket that
// nobody listens on any more makes way.
func listen(addr string) (net.Listener, string, error) {
	if addr == "" {
		return listenAnywhere()
	}
	network, address, err := parseAddr(addr)
	if err != nil {
		return nil, "", err
	}
	if network == "unix" {
		if conn, derr := net.DialTimeout(network, address, time.Second); derr == nil {
			_ = conn.Close()
			return nil, "", fmt.Errorf("%s: somebody listens there: %w", addr, ErrExists)
		} else if errors.Is(derr, syscall.ECONNREFUSED) {
			if fi, err := os.Lstat(address); err == nil && fi.Mode().Type() == os.ModeSocket {
				_ = os.Remove(address)
			}
		}
	}
	l, err := net.Listen(network, address)
	if err != nil {
		return nil, "", err
	}
	if network == "unix" {
		if err := os.Chmod(address, 0o600); err != nil {
			_ = l.Close()
			return nil, "", err
		}
		return l, addr, nil
	}
	return l, network + "://" + l.Addr().String(), nil
}

// listenAnywhere opens a socket in a directory of its own. It gets its name when it is
// being listened on: one that is not is taken for left over, by removeStaleSocketDirs.
func listenAnywhere() (net.Listener, string, error) {
	dir, err := newSocketDir()
	if err != nil {
		return nil, "", err
	}
	path := filepath.Join(dir, socketName)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path + ".new", Net: "unix"})
	if err == nil {
		l.SetUnlinkOnClose(false) // the directory goes as a whole
		if err = os.Chmod(path+".new", 0o600); err == nil {
			err = os.Rename(path+".new", path)
		}
		if err != nil {
			_ = l.Close()
		}
	}
	if err != nil {
		_ = os.RemoveAll(dir)
		return nil, "", err
	}
	return l, "unix://" + path, nil
}

// names makes the arena's directory the one place for names: what lives in the
// coordinator has an entry there too.
type names struct{ arena *shm.Arena }

var kindNumbers = map[string]shm.Kind{coord.KindDict: shm.Dict, coord.KindList: shm.List, coord.KindNamespace: shm.Namespace}

var kindNames = map[string]string{coord.KindDict: "Dict", coord.KindList: "List", coord.KindNamespace: "Namespace"}

func (n names) Claim(name, kind, typ string) error {
	k, ok := kindNumbers[kind]
	if !ok {
		k = shm.Custom
	}
	ctx, cancel := context.WithTimeout(context.Background(), defaultTimeout)
	defer cancel()
	_, _, err := n.arena.Open(ctx, shm.Spec{Name: name, Kind: k, Type: typ, Exclusive: true})
	if errors.Is(err, ErrExists) {
		// Say what is there, as for two kinds in shared memory.
		have, kerr := n.arena.KindOf(ctx, name)
		if kerr == nil && have != k {
			return fmt.Errorf("there is %v, wanted %v: %w", have, k, ErrType)
		}
	}
	return err
}

// Find implements coord.Names.
func (n names) Find(ctx context.Context, name string) (kind, typ string, err error) {
	k, err := n.arena.KindOf(ctx, name)
	return strings.ToLower(k.String()), "", err
}

// Remove implements coord.Names.
func (n names) Remove(ctx context.Context, name string) error {
	if k, err := n.arena.KindOf(ctx, name); err != nil || k.InCoordinator() {
		return errors.Join(fmt.Errorf("no object is called %q", name), ErrNotFound)
	}
	return n.arena.Remove(ctx, name)
}

// List implements coord.Names.
func (n names) List(ctx context.Context) ([]coord.Info, error) {
	var list []coord.Info
	err := n.arena.List(ctx, func(i shm.Info) bool {
		if !i.Kind.InCoordinator() {
			list = append(list, coord.Info{Name: i.Name, Kind: strings.ToLower(i.Kind.String()), Type: i.Type,
				Len: int(i.Param), Size: i.Size, Sessions: i.Attached})
		}
		return true
	})
	return list, err
}

// Claim and Release implement coord.Names.
func (n names) Release(name string) {
	ctx, cancel := context.WithTimeout(context.Background(), defaultTimeout)
	defer cancel()
	_ = n.arena.Drop(ctx, name)
}

// ServeConfig is what a coordinator that runs on its own needs.
type ServeConfig struct {
	Addr    string // where to listen; "" is a socket in a directory of its own
	AuthKey []byte // default: CAROM_AUTHKEY, or the file that CAROM_AUTHKEY_FILE names
	Memory  int64  // budget of the arena in bytes; default as for Options
	Logger  *slog.Logger
	Ready   func(addr string) // called when it serves
}

// Serve runs a coordinator in this process until ctx ends, then drains for at most
// grace and stops. Programs that Connect to it share its arena.
func Serve(ctx context.Context, c ServeConfig, grace time.Duration) error {
	if len(c.AuthKey) == 0 {
		var err error
		if c.AuthKey, err = keyFromEnv(); err != nil {
			return &OpError{Op: "serve", Err: err}
		}
	}
	if c.Memory == 0 {
		c.Memory = defaultMemory()
	}
	arena, err := shm.Create(c.Memory)
	if err != nil {
		return &OpError{Op: "serve", Err: err}
	}
	s, err := serve(arena, serveConfig{addr: c.Addr, key: c.AuthKey, logger: c.Logger})
	if err != nil {
		_ = arena.Close()
		return &OpError{Op: "serve", Name: c.Addr, Err: err}
	}
	if c.Ready != nil {
		c.Ready(s.addr)
	}
	<-ctx.Done()
	arena.MarkClosed()
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	err = s.stop(drain)
	if network, path, perr := parseAddr(s.addr); perr == nil && network == "unix" && !strings.HasPrefix(path, "@") {
		_ = os.Remove(path)
	}
	return err
}
