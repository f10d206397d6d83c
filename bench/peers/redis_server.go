package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/carom-ipc/carom/bench/internal/cases"
)

// startRedis runs a server of the environment's own: a socket in its directory, nothing
// on any network, nothing written to disk. It returns the socket's path.
func startRedis(e *cases.Env) (string, error) {
	program, err := exec.LookPath("redis-server")
	if err != nil {
		return "", fmt.Errorf("%w: redis-server", cases.ErrMissing)
	}
	socket, err := e.Path("redis")
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(e.Ctx, program, "--port", "0", "--unixsocket", socket, "--unixsocketperm", "700",
		"--dir", filepath.Dir(socket), "--save", "", "--appendonly", "no", "--loglevel", "warning")
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return "", err
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	e.OnClose(func() { _ = cmd.Process.Kill(); <-ended })
	return socket, whenUp(e.Ctx, socket, ended)
}

// whenUp tries until the server takes a connection.
func whenUp(ctx context.Context, socket string, ended <-chan struct{}) error {
	var dialer net.Dialer
	for late := time.After(10 * time.Second); ; {
		c, err := dialer.DialContext(ctx, "unix", socket)
		if err == nil {
			return c.Close()
		}
		select {
		case <-ended:
			return errors.New("redis-server ended at once")
		case <-late:
			return fmt.Errorf("redis-server is not up: %w", err)
		case <-time.After(time.Millisecond):
		}
	}
}

// dialRedis is a client as its documentation makes one.
func dialRedis(socket string) *redis.Client {
	return redis.NewClient(&redis.Options{Network: "unix", Addr: socket})
}
