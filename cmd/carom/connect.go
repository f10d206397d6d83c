package main

import (
	"context"
	"io"

	"github.com/carom-ipc/carom"
)

// connect reaches the manager that a command's only argument names.
func connect(ctx context.Context, name string, args []string, stderr io.Writer) (*carom.Manager, error) {
	f := newFlags(name)
	keyFile := authKeyFlag(f)
	var files clientFiles
	files.flags(f)
	if err := parse(f, args, "ADDR"); err != nil {
		return nil, err
	}
	key, err := readAuthKey(*keyFile, stderr)
	if err != nil {
		return nil, err
	}
	conf, err := files.config()
	if err != nil {
		return nil, err
	}
	return carom.Connect(ctx, f.Arg(0), &carom.Options{AuthKey: key, TLS: conf, Codec: anyCodec{carom.CBOR}})
}

// anyCodec is for looking into managers whose codec need not be known for it.
type anyCodec struct{ carom.Codec }

// Name implements carom.Codec.
func (anyCodec) Name() string { return "" }
