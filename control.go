package carom

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"

	"github.com/carom-ipc/carom/internal/codec"
)

// A child process (the coordinator, a worker) is started with the arena as descriptor
// 3 and one end of a socket pair as descriptor 4. Over that go CBOR messages with a
// 4-byte length before each; its end, however it comes, is the other process's end. Workers
// of a manager that does not map the arena have no descriptor 3.
const (
	roleEnv      = "CAROM_ROLE"
	roleCoord    = "coordinator"
	roleWorker   = "worker"
	arenaFD      = 3
	controlFD    = 4
	maxControl   = 64 << 20
	messageStop  = "stop"  // to the coordinator: drain and go; to a worker: the manager is closed
	messageReady = "ready" // from the coordinator: Text is its address
)

// message is what both ends say.
type message struct {
	Kind string `cbor:"kind"`
	Text string `cbor:"text,omitempty"`
	Code string `cbor:"code,omitempty"` // of the sentinel that an error wraps

	// To a child, once.
	Name     string `cbor:"name,omitempty"`     // of the worker
	Args     []byte `cbor:"args,omitempty"`     // of the worker or the initializer
	Addr     string `cbor:"addr,omitempty"`     // of the coordinator; empty: it chooses
	Key      []byte `cbor:"key,omitempty"`      //
	Codec    string `cbor:"codec,omitempty"`    // name
	Limits   Limits `cbor:"limits,omitempty"`   // of the coordinator
	Starter  uint32 `cbor:"starter,omitempty"`  // the manager's process in the arena
	Timeout  int64  `cbor:"timeout,omitempty"`  // nanoseconds
	NoLane   bool   `cbor:"noLane,omitempty"`   // as Options.NoLane
	Remote   bool   `cbor:"remote,omitempty"`   // the manager does not map the arena
	Arena    []byte `cbor:"arena,omitempty"`    // its id, for remote workers
	LogLevel int    `cbor:"logLevel,omitempty"` //
}

func writeMessage(w io.Writer, m message) error {
	b, err := codec.Encode(m)
	if err != nil {
		return err
	}
	_, err = w.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...))
	return err
}

func readMessage(r io.Reader) (m message, err error) {
	var size [4]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return m, err
	}
	n := binary.BigEndian.Uint32(size[:])
	if n > maxControl {
		return m, fmt.Errorf("a message of %d bytes: %w", n, ErrTooLarge)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		return m, err
	}
	return m, codec.Decode(b, &m)
}

// spawn starts a child in a role, and returns this end of its control connection. arena
// may be nil.
func spawn(cmd *exec.Cmd, role string, arena *os.File) (*os.File, error) {
	ours, theirs, err := socketPair()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	if cmd.Env == nil {
		cmd.Env = os.Environ()
	}
	cmd.Env = append(cmd.Env, roleEnv+"="+role)
	cmd.ExtraFiles = []*os.File{arena, theirs}
	if err := cmd.Start(); err != nil {
		_ = ours.Close()
		return nil, err
	}
	return ours, nil
}
