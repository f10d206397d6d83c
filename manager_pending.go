package carom

import (
	"context"
	"time"

	"github.com/carom-ipc/carom/coord"
)

// Manager is a connection to a coordinator.
type Manager struct{ client *coord.Client }

func (m *Manager) dial(context.Context) (*coord.Client, error) { return m.client, nil }
func (m *Manager) encode(v any) ([]byte, error)                { return encodeCBOR(v) }
func (m *Manager) decode(b []byte, v any) error                { return decodeCBOR(b, v) }
func (m *Manager) timeout() time.Duration                      { return 5 * time.Second }

// Must returns v, or panics with err.
func Must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// Number is any type that can be added.
type Number interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 |
		~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~uintptr |
		~float32 | ~float64
}
