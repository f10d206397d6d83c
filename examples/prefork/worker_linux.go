package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/carom-ipc/carom"
)

// service is what a worker process needs.
type service struct {
	Listener int // descriptor
	Slot     int // which counters are its own
	Limit    limiter
	Hits     *carom.Array[uint64] // outcomes counters a slot
}

// Outcomes of a request: which of its slot's counters it goes to.
const (
	served = iota
	limited
	outcomes
)

var serve = carom.NewWorker("serve", func(ctx context.Context, s service) error {
	l, err := net.FileListener(os.NewFile(uintptr(s.Listener), "listener"))
	if err != nil {
		return err
	}
	server := &http.Server{Handler: s.handler(), ReadHeaderTimeout: 5 * time.Second}
	stop := context.AfterFunc(ctx, func() {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 300*time.Millisecond)
		defer cancel()
		_ = server.Shutdown(last) // what is not answered by then is cut off
	})
	defer stop()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
})

func (s service) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.hello)
	mux.HandleFunc("GET /stats", s.stats)
	return mux
}

func (s service) hello(w http.ResponseWriter, _ *http.Request) {
	if !s.Limit.allow(monotonic()) {
		s.count(limited)
		http.Error(w, "too many requests", http.StatusTooManyRequests)
		return
	}
	s.count(served)
	fmt.Fprintf(w, "hello from worker %d\n", s.Slot)
}

// count is one atomic add: what a worker counted stays when it is killed.
func (s service) count(outcome int) { carom.AddAt(s.Hits, s.Slot*outcomes+outcome, 1) }

// totals are what stats answers.
type totals struct {
	Served  uint64   `json:"served"`
	Limited uint64   `json:"limited"`
	BySlot  []uint64 `json:"by_slot"`
}

func (s service) stats(w http.ResponseWriter, _ *http.Request) {
	t := totals{BySlot: make([]uint64, s.Hits.Len()/outcomes)}
	for i, n := range s.Hits.All() {
		t.BySlot[i/outcomes] += n
		if i%outcomes == served {
			t.Served += n
		} else {
			t.Limited += n
		}
	}
	_ = json.NewEncoder(w).Encode(t) // a client that went away does not want to know
}
