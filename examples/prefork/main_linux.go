// Prefork is an HTTP server of several processes that accept from one listening socket.
// Its rate limiter and its hit counters are in shared memory: the limit holds for all
// of them together, and any of them can report the totals.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/carom-ipc/carom"
)

func main() {
	carom.Init()
	addr := flag.String("addr", "127.0.0.1:8080", "where to listen")
	workers := flag.Int("workers", 4, "how many processes serve")
	rate := flag.Float64("rate", 100, "requests a second that are served, all processes together")
	burst := flag.Int("burst", 100, "requests that are served at once after a quiet time")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *addr, *workers, *rate, *burst); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, addr string, workers int, rate float64, burst int) (err error) {
	m, err := carom.Start(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	limit, err := newLimiter(m, rate, burst)
	if err != nil {
		return err
	}
	hits, err := carom.NewArray[uint64](m, "hits", workers*outcomes)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	defer l.Close() // open here as long as the server runs: it outlives each worker
	fd, err := inheritable(l.(*net.TCPListener))
	if err != nil {
		return err
	}
	fmt.Printf("listening on %s\n", l.Addr())

	var all sync.WaitGroup
	for slot := range workers {
		all.Go(func() { keepServing(ctx, m, service{Listener: fd, Slot: slot, Limit: limit, Hits: hits}) })
	}
	all.Wait()
	return nil
}

// keepServing keeps one worker alive, and replaces it when it dies.
func keepServing(ctx context.Context, m *carom.Manager, s service) {
	for ctx.Err() == nil {
		p, err := serve.Start(ctx, m, s)
		if err != nil {
			if ctx.Err() == nil {
				log.Printf("worker %d: %v", s.Slot, err)
				pause(ctx, time.Second) // do not hurry to fail again
			}
			continue
		}
		fmt.Printf("worker %d: pid %d\n", s.Slot, p.PID())
		if err := p.Wait(); ctx.Err() == nil {
			fmt.Printf("worker %d: pid %d went: %v\n", s.Slot, p.PID(), err)
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// inheritable makes a descriptor of the listener that child processes keep, under the
// same number. It is high, to be out of the way of those that carom passes on.
func inheritable(l *net.TCPListener) (fd int, err error) {
	raw, err := l.SyscallConn()
	if err != nil {
		return 0, err
	}
	ctrlErr := raw.Control(func(s uintptr) { fd, err = unix.FcntlInt(s, unix.F_DUPFD, 100) })
	return fd, errors.Join(ctrlErr, err)
}
