package cases

import (
	"context"
	"os"
	"path/filepath"

	"github.com/carom-ipc/carom"
)

// Env is what a case works in, from its Open to Close.
type Env struct {
	M   *carom.Manager
	Ctx context.Context

	dir     string
	closers []func()
}

// NewEnv makes an environment over a manager.
func NewEnv(ctx context.Context, m *carom.Manager) *Env { return &Env{M: m, Ctx: ctx} }

// StartManager starts a manager with as much memory as the cases need.
func StartManager(ctx context.Context) (*carom.Manager, error) {
	return carom.Start(ctx, &carom.Options{Memory: 512 << 20})
}

// Close undoes what the case did, last things first.
func (e *Env) Close() {
	for i := len(e.closers) - 1; i >= 0; i-- {
		e.closers[i]()
	}
	e.closers = nil
}

// OnClose has f called by Close.
func (e *Env) OnClose(f func()) { e.closers = append(e.closers, f) }

// Apart is an environment with a manager of its own, that goes with e.
func (e *Env) Apart(o carom.Options) (*Env, error) {
	m, err := carom.Start(e.Ctx, &o)
	if err != nil {
		return nil, err
	}
	sub := NewEnv(e.Ctx, m)
	e.OnClose(func() { sub.Close(); _ = m.Close() })
	return sub, nil
}

// Path is a file name in a directory that goes with the environment.
func (e *Env) Path(name string) (string, error) {
	if e.dir == "" {
		dir, err := os.MkdirTemp("", "carom-bench-")
		if err != nil {
			return "", err
		}
		e.dir = dir
		e.OnClose(func() { _ = os.RemoveAll(dir); e.dir = "" })
	}
	return filepath.Join(e.dir, name), nil
}

type object interface {
	Name() string
	Close() error
}

// own removes an object with the environment.
func own[O object](e *Env, o O, err error) (O, error) {
	if err == nil {
		e.OnClose(func() {
			name := o.Name()
			_ = o.Close()
			_ = e.M.Remove(context.Background(), name)
		})
	}
	return o, err
}
