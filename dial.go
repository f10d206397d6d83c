package carom

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/internal/codec"
	"github.com/carom-ipc/carom/internal/endpoint"
)

// dial returns the client of the coordinator. It makes one where there is none, or none
// that is of any use: a client reconnects by itself as long as there is hope.
func (m *Manager) dial(ctx context.Context) (*coord.Client, error) {
	if client, err := m.dialled(); client != nil || err != nil {
		return client, err
	}
	select {
	case m.dialing <- struct{}{}:
		defer func() { <-m.dialing }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if client, err := m.dialled(); client != nil || err != nil {
		return client, err
	}
	var network, address string
	var err error
	if m.own == nil {
		if network, address, err = endpoint.Parse(m.addr); err != nil {
			return nil, err
		}
	}
	client, err := coord.Dial(ctx, network, address, coord.DialConfig{
		TLS: m.opts.TLS, Connect: m.own, AuthKey: m.key, Codec: m.codec().Name(), Timeout: m.opts.Timeout,
		Logger: m.opts.Logger, Gone: m.coordinatorGone, Lane: m.newLane(),
	})
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.id != ([16]byte{}) { // not the first connection: the descriptor that came along is one too many
		_, files := client.Welcome()
		closeAll(files)
	}
	if m.closed {
		_ = client.Close()
		return nil, ErrClosed
	}
	m.client = client
	m.notice(client)
	return client, nil
}

// dialled returns the client that there is, nil for none.
func (m *Manager) dialled() (*coord.Client, error) {
	m.mu.Lock()
	client, closed := m.client, m.closed
	if client != nil && !closed {
		select {
		case <-client.Done():
			m.client = nil
		default:
			m.notice(client)
			m.mu.Unlock()
			return client, nil
		}
	}
	m.mu.Unlock()
	if closed {
		return nil, ErrClosed
	}
	if client != nil {
		_ = client.Close() // which waits for calls of its own that may be about to dial
	}
	return nil, nil
}

// notice finds out whether this is another coordinator, and has another arena, than the
// last time. m.mu is held.
func (m *Manager) notice(client *coord.Client) {
	_, epoch := client.Life()
	if epoch == m.epoch {
		return
	}
	first := m.epoch == 0
	m.epoch = epoch
	if first {
		return
	}
	if m.arena != nil {
		m.other = true
		return
	}
	payload, _ := client.Welcome()
	var w welcome
	if err := codec.Decode(payload, &w); err == nil && len(w.Arena) == len(m.id) {
		unregister(m)
		register(m, [16]byte(w.Arena))
	}
}

// over says why there is nothing to be had of the mapped arena any more, or nothing new to
// be made in it: another coordinator's clients would not find it.
func (m *Manager) over(op string) error {
	switch {
	case !m.arena.Closed() && op == "new":
		return m.replaced()
	case !m.arena.Closed():
		return nil
	case m.bound:
		return fmt.Errorf("the manager: %w", ErrClosed)
	}
	return fmt.Errorf("the coordinator at %s was shut down, and its memory with it; if it was restarted, connect again: %w", m.addr, ErrClosed)
}

// replaced implements backend.
func (m *Manager) replaced() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.other {
		return fmt.Errorf("the coordinator at %s was restarted, and has other memory than this manager: connect again: %w", m.addr, ErrUnavailable)
	}
	return nil
}

// newLane makes lanes in the arena, nil where calls stay on the socket.
func (m *Manager) newLane() func(context.Context) (coord.Lane, error) {
	if m.arena == nil || m.opts.NoLane {
		return nil
	}
	return func(ctx context.Context) (coord.Lane, error) { return m.arena.NewLane(ctx) }
}

// coordinatorGone tells whether it makes sense to connect again, after the last attempt
// ended with an error. Where nobody listens any more, at an address that belongs to one
// coordinator alone, nobody will.
func (m *Manager) coordinatorGone(last error) error {
	if !m.bound {
		return nil
	}
	if m.child != nil {
		select {
		case <-m.child.Gone():
			return errCoordinatorGone
		default:
		}
	}
	if errors.Is(last, syscall.ECONNREFUSED) || errors.Is(last, fs.ErrNotExist) {
		return errCoordinatorGone
	}
	return nil
}

var errCoordinatorGone = fmt.Errorf("%w: its process is gone", ErrUnavailable)
