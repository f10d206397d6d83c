package bench

import (
	"bufio"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"time"
)

//go:embed python.py
var pythonScript []byte

func init() {
	python("ValueAdd/impl=multiprocessing", "value")
	python("Lock/impl=multiprocessing/procs=1", "lock")
	python("Queue/impl=multiprocessing/procs=2/size=64B", "queue")
	python("DictGet/impl=multiprocessing/procs=2/goroutines=1", "manager_dict")
}

// python is a case that a Python process runs and times.
func python(name, what string) {
	add(Case{Name: name, Open: func(e *Env) (Run, error) {
		interpreter, err := exec.LookPath("python3")
		if err != nil {
			return nil, fmt.Errorf("%w: python3", ErrMissing)
		}
		script, err := e.path("peer.py")
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(script, pythonScript, 0o600); err != nil {
			return nil, err
		}
		cmd := exec.CommandContext(e.ctx, interpreter, script, what)
		cmd.Stderr = os.Stderr
		in, err := cmd.StdinPipe()
		if err != nil {
			return nil, err
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			return nil, err
		}
		if err := cmd.Start(); err != nil {
			return nil, err
		}
		e.onClose(func() { _ = in.Close(); _ = cmd.Wait() })
		answers := bufio.NewReader(out)
		return func(n int) (Result, error) {
			if _, err := fmt.Fprintln(in, n); err != nil {
				return Result{}, err
			}
			var ns int64
			if _, err := fmt.Fscanln(answers, &ns); err != nil {
				return Result{}, fmt.Errorf("python: %w", err)
			}
			return Result{Ops: n, Elapsed: time.Duration(max(ns, 1))}, nil
		}, nil
	}})
}
