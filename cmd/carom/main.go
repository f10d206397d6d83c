// Command carom is the helper of package carom: it runs a coordinator on its own,
// looks into a running one, and demonstrates the library on real files.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/carom-ipc/carom"
)

// Exit codes.
const (
	exitOK       = 0
	exitFindings = 1 // it ran, and what it found is wrong
	exitCannot   = 2 // it could not run: wrong arguments, no key, nobody there
)

const usage = `carom: objects that processes share

Usage:

  carom serve [-listen ADDR]... [-memory BYTES] [-authkey-file FILE]
              [-cert FILE -key FILE [-client-ca FILE]]
              [-grace DURATION] [-max-connections N] [-max-sessions N]
              [-max-frame BYTES] [-max-depth N] [-max-objects-memory BYTES]
        Run a coordinator until SIGTERM. Prints "carom: serving ADDR" for each
        address when ready. tls:// needs a certificate and its key, in PEM; with
        -client-ca, clients need one as well, signed by that authority. A client
        that loses its connection may go on within the grace period (3s).
  carom demo [-dir DIR] [-workers N] [-kill N] [-seed N] [-json]
        Index a tree of files with worker processes, kill some of them, and check
        the totals against those of a single process.
  carom ls [-authkey-file FILE] [-ca FILE] [-cert FILE -key FILE] ADDR
        List the objects and processes of a running manager.
  carom doctor [-authkey-file FILE] [-ca FILE] [-cert FILE -key FILE] ADDR
        Check the invariants of its memory: exit code 0 sound, 1 not, 2 cannot tell.
  carom gen -type TYPE[,TYPE...] [-o FILE] [DIR]
        Write typed proxies for types that the package in DIR registers with
        carom.Register: by their typeids, or the names of their Go types. FILE is
        the first type in lower case with _proxy.go, in DIR, or - for the output.
  carom version
  carom help

ADDR is unix:///path, unix://@name (abstract, Linux), tcp://host:port on loopback, or tls://host:port. The secret that both ends share comes from
CAROM_AUTHKEY, from the file that CAROM_AUTHKEY_FILE names, or from -authkey-file.
`

func main() {
	carom.Init()
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// command is one of carom's; args are what follows its name.
type command func(ctx context.Context, args []string, stdout, stderr io.Writer) (code int, err error)

var commands = map[string]command{"serve": serve, "demo": demo, "ls": ls, "doctor": doctor, "gen": generate, "version": version, "help": help}

var aliases = map[string]string{"-h": "help", "-help": "help", "--help": "help", "--version": "version", "-version": "version"}

func run(args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		fmt.Fprint(stderr, usage)
		return exitCannot
	}
	name := args[0]
	if full, ok := aliases[name]; ok {
		name = full
	}
	f, ok := commands[name]
	if !ok {
		fmt.Fprintf(stderr, "carom: there is no command %q\n\n%s", name, usage)
		return exitCannot
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	code, err := f(ctx, args[1:], stdout, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, usage)
		return exitOK
	case err != nil:
		fmt.Fprintf(stderr, "carom %s: %v\n", name, err)
		return max(code, exitFindings)
	}
	return code
}

func help(_ context.Context, _ []string, stdout, _ io.Writer) (int, error) {
	_, err := io.WriteString(stdout, usage)
	return exitOK, err
}
