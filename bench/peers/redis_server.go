package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/carom-ipc/carom/bench"
)

// startRedis runs a server of the environment's own: a socket in its directory, nothing
// on any network, nothing written to disk. It returns the socket's path.
func startRedis(e *bench.Env) (string, error) {
	program, err := exec.LookPath("redis-server")
	if err != nil {
		return "", fmt.Errorf("%w: redis-server", bench.ErrMissing)
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

// whenUp asks until the server answers.
func whenUp(ctx context.Context, socket string, ended <-chan struct{}) error {
	c := dialRedis(socket)
	defer c.Close()
	for late := time.After(10 * time.Second); ; {
		err := c.Ping(ctx).Err()
		if err == nil {
			return nil
		}
		select {
		case <-ended:
			return fmt.Errorf("redis-server ended: %w", err)
		case <-late:
			return fmt.Errorf("redis-server does not answer: %w", err)
		case <-time.After(time.Millisecond):
		}
	}
}

// dialRedis is a client as its documentation makes one.
func dialRedis(socket string) *redis.Client {
	return redis.NewClient(&redis.Options{Network: "unix", Addr: socket})
}
