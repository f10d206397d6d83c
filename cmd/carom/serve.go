package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/carom-ipc/carom"
)

// drain is how long calls in flight have after SIGTERM.
const drain = 10 * time.Second

func serve(ctx context.Context, args []string, stdout, stderr io.Writer) (int, error) {
	f := newFlags("serve")
	var listen addresses
	f.Var(&listen, "listen", "")
	keyFile := authKeyFlag(f)
	var files serverFiles
	files.flags(f)
	var memory size
	f.Var(&memory, "memory", "")
	limits := limitFlags(f)
	if err := parse(f, args); err != nil {
		return exitCannot, err
	}
	key, err := readAuthKey(*keyFile, stderr)
	if err != nil {
		return exitCannot, err
	}
	conf, err := files.config()
	if err != nil {
		return exitCannot, err
	}
	var said error
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	err = carom.Serve(ctx, carom.ServeConfig{
		Listen: listen, TLS: conf, AuthKey: key, Memory: int64(memory), Limits: limits(),
		Logger: slog.New(slog.NewTextHandler(stderr, nil)),
		Ready: func(addrs []string) {
			for _, addr := range addrs {
				if _, said = fmt.Fprintf(stdout, "carom: serving %s\n", addr); said != nil {
					cancel()
				}
			}
		},
	}, drain)
	if err == nil {
		err = said
	}
	if err != nil {
		return exitCannot, err
	}
	return exitOK, nil
}
