package tests

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom"
)

// groupSignals are those that a terminal or a service manager sends to all processes.
var groupSignals = []syscall.Signal{syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGTERM}

type pinging struct{ Ping, Pong *carom.Queue[string] }

// pinged answers, whatever becomes of its context, until it is to end.
var pinged = carom.NewWorker("pinged", func(ctx context.Context, p pinging) error {
	for {
		say, err := p.Ping.Get(context.Background())
		if err != nil {
			return err
		}
		answer := "alive"
		switch say {
		case "end":
			return nil
		case "cause":
			<-ctx.Done()
			answer = context.Cause(ctx).Error()
		case "ask":
			if ctx.Err() != nil {
				answer = context.Cause(ctx).Error()
			}
		}
		if err := p.Pong.Put(context.Background(), answer); err != nil {
			return err
		}
	}
})

func init() {
	// It gets a signal as the whole group does, and says what has become of its children.
	programs["signalled"] = func(ctx context.Context) error {
		signals := make(chan os.Signal, 1)
		for _, sig := range groupSignals {
			signal.Notify(signals, sig)
		}
		said, says := io.Pipe()
		logged := bufio.NewScanner(said)
		m, err := carom.Start(ctx, &carom.Options{Memory: 64 << 20, Logger: slog.New(slog.NewTextHandler(says, nil))})
		if err != nil {
			return err
		}
		d, err := carom.NewDict[string, int](m, "d")
		if err != nil {
			return err
		}
		q := pinging{carom.Must(carom.NewQueue[string](m, "ping")), carom.Must(carom.NewQueue[string](m, "pong"))}
		p, err := pinged.Start(ctx, m, q)
		if err != nil {
			return err
		}
		ask := func(what string) (string, error) {
			if err := q.Ping.Put(ctx, what); err != nil {
				return "", err
			}
			return q.Pong.Get(ctx)
		}
		if _, err := ask("ask"); err != nil {
			return err
		}
		fmt.Println("ready")
		sig := <-signals
		what := "ask"
		switch sig {
		case syscall.SIGTERM:
			what = "cause"
		case syscall.SIGQUIT:
			for !strings.Contains(logged.Text(), "pinged") && !strings.Contains(logged.Text(), "goroutine 1 [") {
				if !logged.Scan() {
					return errors.New("no stacks")
				}
			}
			go func() { _, _ = io.Copy(io.Discard, said) }()
			fmt.Println("stacks")
		}
		answer, err := ask(what)
		if err != nil {
			return err
		}
		fmt.Println(answer)
		if err := d.Set(ctx, "k", 1); err != nil {
			return err
		}
		if err := q.Ping.Put(ctx, "end"); err != nil {
			return err
		}
		fmt.Println("worker:", p.Wait())
		fmt.Println("close:", m.Close())
		return nil
	}
}

// TestSignalsToTheGroup: the parent decides. Coordinator and workers go on, but for the end
// of a worker's context with SIGTERM.
func TestSignalsToTheGroup(t *testing.T) {
	for _, sig := range groupSignals {
		t.Run(sig.String(), func(t *testing.T) {
			p := started(t, "signalled", "")
			require.Equal(t, "ready", p.line(t))
			require.NoError(t, p.signal(sig))
			if sig == syscall.SIGQUIT {
				require.Equal(t, "stacks", p.line(t))
			}
			if sig == syscall.SIGTERM {
				require.Equal(t, "terminated (SIGTERM)", p.line(t))
			} else {
				require.Equal(t, "alive", p.line(t))
			}
			require.Equal(t, []string{"worker: <nil>", "close: <nil>"}, p.rest(t))
		})
	}
}

// TestSignalsRepeatedly: a thousand of them change nothing.
func TestSignalsRepeatedly(t *testing.T) {
	m := manager(t)
	d := carom.Must(carom.NewDict[string, int](m, "d"))
	q := pinging{carom.Must(carom.NewQueue[string](m, "ping")), carom.Must(carom.NewQueue[string](m, "pong"))}
	p, err := pinged.Start(t.Context(), m, q)
	require.NoError(t, err)
	ask := func() string {
		require.NoError(t, q.Ping.Put(within(t), "ask"))
		return carom.Must(q.Pong.Get(within(t)))
	}
	require.Equal(t, "alive", ask())
	coordinator := coordinatorPID(m)
	require.Positive(t, coordinator)
	for i := range 1000 {
		require.NoError(t, p.Signal(groupSignals[i%3]))
		require.NoError(t, syscall.Kill(coordinator, groupSignals[i%4]))
	}
	require.Equal(t, "alive", ask())
	require.NoError(t, d.Set(within(t), "k", 1))
	require.NoError(t, q.Ping.Put(within(t), "end"))
	require.NoError(t, p.Wait())
}

type wanting struct {
	Ready *carom.Semaphore
	Got   *carom.Queue[string]
}

var wantsSignals = carom.NewWorker("wants signals", func(ctx context.Context, w wanting) error {
	signals := make(chan os.Signal, 4)
	for _, sig := range groupSignals {
		signal.Notify(signals, sig)
	}
	for range groupSignals {
		if err := w.Ready.Release(); err != nil {
			return err
		}
		if err := w.Got.Put(context.Background(), (<-signals).String()); err != nil {
			return err
		}
	}
	<-ctx.Done() // SIGTERM ends it all the same
	return ctx.Err()
})

// TestSignalsThatAWorkerWants: a worker's own Notify works beside carom's.
func TestSignalsThatAWorkerWants(t *testing.T) {
	m := manager(t)
	w := wanting{carom.Must(carom.NewSemaphore(m, "ready", 0)), carom.Must(carom.NewQueue[string](m, "got"))}
	p, err := wantsSignals.Start(t.Context(), m, w)
	require.NoError(t, err)
	for _, sig := range groupSignals {
		require.NoError(t, w.Ready.Acquire(within(t)))
		require.NoError(t, p.Signal(sig))
		require.Equal(t, sig.String(), carom.Must(w.Got.Get(within(t))))
	}
	err = p.Wait()
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, "terminated (SIGTERM)", "what ended the context that it returned")
}

// ignored says which signals a child that knows nothing of carom is born to ignore.
func ignored() ([]string, error) {
	status, err := exec.Command("/bin/cat", "/proc/self/status").Output()
	if err != nil {
		return nil, err
	}
	_, after, _ := strings.Cut(string(status), "SigIgn:")
	mask, err := strconv.ParseUint(strings.Fields(after)[0], 16, 64)
	all := []string{}
	for _, sig := range groupSignals {
		if mask&(1<<(sig-1)) != 0 {
			all = append(all, sig.String())
		}
	}
	return all, err
}

var bearing = carom.NewWorker("bearing", func(ctx context.Context, q *carom.Queue[string]) error {
	s, err := ignored()
	return errors.Join(err, q.Put(ctx, fmt.Sprint(s)))
})

func init() {
	carom.RegisterInitializer("bearing", func(ctx context.Context) error {
		m, err := carom.FromEnv(ctx)
		if err != nil {
			return err
		}
		q, err := carom.NewQueue[string](m, "born")
		if err != nil {
			return err
		}
		s, err := ignored()
		return errors.Join(err, q.Put(ctx, fmt.Sprint(s)))
	})
	programs["bearing"] = func(ctx context.Context) error {
		m, err := carom.Start(ctx, &carom.Options{Memory: 64 << 20, Initializer: "bearing"})
		if err != nil {
			return err
		}
		q, err := carom.NewQueue[string](m, "born")
		if err != nil {
			return err
		}
		p, err := bearing.Start(ctx, m, q)
		if err != nil {
			return err
		}
		if err := p.Wait(); err != nil {
			return err
		}
		for range 2 {
			s, err := q.Get(ctx)
			if err != nil {
				return err
			}
			fmt.Println(s)
		}
		return m.Close()
	}
}

// TestSignalsOfGrandchildren: programs that children execute are born with the signals that
// the parent was born with. This process may itself have been born to ignore some: under nohup,
// or in the background of a script.
func TestSignalsOfGrandchildren(t *testing.T) {
	own, err := ignored()
	require.NoError(t, err)
	for _, trapped := range [][]syscall.Signal{{}, {syscall.SIGHUP}, {syscall.SIGINT, syscall.SIGHUP}} {
		shell, want := "", []string{}
		for _, sig := range groupSignals {
			switch {
			case slices.Contains(trapped, sig):
				shell += fmt.Sprintf("trap '' %d; ", sig)
			case !slices.Contains(own, sig.String()):
				continue
			}
			want = append(want, sig.String())
		}
		born := fmt.Sprint(want)
		p := started(t, "bearing", strings.TrimSuffix(shell, "; "))
		require.Equal(t, []string{born, born}, p.rest(t), shell)
	}
}
