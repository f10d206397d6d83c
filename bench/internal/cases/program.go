package cases

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// Cases that live in other programs: those of peers that bring dependencies, and Python's.
// Such a program runs one case. It reads a number of operations on each line of its
// standard input, and answers a Result in JSON on a line.

// talk starts a program that runs a case.
func (e *Env) talk(name string, args ...string) (Run, error) {
	cmd := exec.Command(name, args...)
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
	e.OnClose(func() { _ = in.Close(); end(cmd) })
	answers := json.NewDecoder(out)
	return func(n int) (Result, error) {
		if _, err := fmt.Fprintln(in, n); err != nil {
			return Result{}, err
		}
		var a programAnswer
		if err := answers.Decode(&a); err != nil {
			return Result{}, fmt.Errorf("no answer of the program: %w", err)
		}
		return a.result()
	}, nil
}

// end waits for a program whose input has ended, not for ever.
func end(cmd *exec.Cmd) {
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	for _, act := range []func() error{
		func() error { return cmd.Process.Signal(os.Interrupt) },
		cmd.Process.Kill,
	} {
		select {
		case <-ended:
			return
		case <-time.After(3 * time.Second):
			_ = act()
		}
	}
	<-ended
}

type programAnswer struct {
	Result
	Missing string // what is not installed
	Error   string
}

func (a programAnswer) result() (Result, error) {
	switch {
	case a.Missing != "":
		return Result{}, fmt.Errorf("%w: %s", ErrMissing, a.Missing)
	case a.Error != "":
		return Result{}, fmt.Errorf("%s", a.Error)
	}
	a.Elapsed = max(a.Elapsed, 1)
	return a.Result, nil
}

// listed is a case as a program names it.
type listed struct {
	Name  string
	Bytes int
}

// AddProgram makes the cases of a program known that is written with Serve.
func AddProgram(ctx context.Context, path string) error {
	out, err := exec.CommandContext(ctx, path).Output()
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	var list []listed
	if err := json.Unmarshal(out, &list); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	for _, c := range list {
		Add(Case{Name: c.Name, Bytes: c.Bytes, Open: func(e *Env) (Run, error) {
			run, err := e.talk(path, c.Name)
			if err == nil {
				_, err = run(1) // a program that is missing says so now
			}
			return run, err
		}})
	}
	return nil
}

// Serve is the main function of a program of cases: without arguments it lists them, with
// a name it runs that one, until its input ends or ctx does.
func Serve(ctx context.Context, own []Case, args []string, in io.Reader, out io.Writer) error {
	answers := json.NewEncoder(out)
	if len(args) == 0 {
		list := []listed{}
		for _, c := range own {
			list = append(list, listed{c.Name, c.Bytes})
		}
		return answers.Encode(list)
	}
	c, err := Find(args[0])
	if err != nil {
		return err
	}
	m, err := StartManager(ctx)
	if err != nil {
		return err
	}
	defer m.Close()
	e := NewEnv(ctx, m)
	defer e.Close()
	run, err := c.Open(e)
	for lines := bufio.NewScanner(in); lines.Scan(); {
		var a programAnswer
		var n int
		if err == nil {
			_, err = fmt.Sscan(lines.Text(), &n)
		}
		if err == nil {
			a.Result, err = run(n)
		}
		if errors.Is(err, ErrMissing) {
			a.Missing = strings.TrimPrefix(err.Error(), ErrMissing.Error()+": ")
		} else if err != nil {
			a.Error = err.Error()
		}
		if err := answers.Encode(a); err != nil {
			return err
		}
	}
	return nil
}
