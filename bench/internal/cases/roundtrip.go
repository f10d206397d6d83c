package cases

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/carom-ipc/carom"
)

// Round trips come in three Shapes: both sides awake on a CPU each, both on one CPU, and
// "asleep": the first side lets so much time pass between two rounds that the second
// sleeps, which is what a message to an idle process costs.
const (
	awake  = "procs=2"
	oneCPU = "procs=2/cpus=1"
	asleep = "procs=2/asleep"
)

// idleFor is longer than anybody spins. It does not count.
const idleFor = 250 * time.Microsecond

var bellNumber atomic.Int64

func init() {
	for kind := range bells {
		for _, shape := range []string{awake, oneCPU, asleep} {
			Add(Case{Name: kind + "RoundTrip/impl=carom/" + shape, Open: func(e *Env) (Run, error) { return bellTrip(e, kind, shape) }})
		}
	}
	Roles["ping"] = func(_ context.Context, m *carom.Manager, p Party) (Share, error) {
		there, back, err := openBells(m, p)
		return Pinging(p, there.ring, back.hear), err
	}
	Roles["pong"] = func(_ context.Context, m *carom.Manager, p Party) (Share, error) {
		there, back, err := openBells(m, p)
		return func(ctx context.Context, n int) (Finished, error) {
			for range n {
				if err := there.hear(ctx); err != nil {
					return Finished{}, err
				}
				if err := back.ring(); err != nil {
					return Finished{}, err
				}
			}
			return Finished{}, nil
		}, err
	}
}

func bellTrip(e *Env, kind, shape string) (Run, error) {
	name := fmt.Sprintf("bell-%d", bellNumber.Add(1))
	for _, direction := range []string{".there", ".back"} {
		if err := bells[kind].new(e, name+direction); err != nil {
			return nil, err
		}
	}
	return e.Cast(shaped(shape,
		Party{Role: "ping", Op: kind, Object: name},
		Party{Role: "pong", Op: kind, Object: name})...)
}

func openBells(m *carom.Manager, p Party) (there, back bell, err error) {
	open := bells[p.Op].open
	if there, err = open(m, p.Object+".there"); err == nil {
		back, err = open(m, p.Object+".back")
	}
	return there, back, err
}

// shaped puts two parties where the shape wants them. Size says that the first one
// pauses.
func shaped(shape string, ping, pong Party) []Party {
	if shape == asleep {
		ping.Size = int(idleFor)
	}
	if shape == oneCPU {
		return OnOneCPU(ping, pong)
	}
	return Placed(ping, pong)
}

// Pinging is the side that times the rounds.
func Pinging(p Party, ring func() error, hear func(context.Context) error) Share {
	return func(ctx context.Context, n int) (Finished, error) {
		t := Timing(n)
		for range n {
			if p.Size > 0 {
				t.Pause(time.Duration(p.Size))
			}
			if err := ring(); err != nil {
				return Finished{}, err
			}
			if err := hear(ctx); err != nil {
				return Finished{}, err
			}
			t.Lap()
		}
		f := t.Finished()
		if p.Size > 0 {
			f.Took = max(t.sum, 1)
		}
		return f, nil
	}
}
