package bench

import (
	"context"
	"os"

	"golang.org/x/sys/unix"

	"github.com/carom-ipc/carom"
)

func init() {
	for _, size := range []int{64, 1 << 10, 64 << 10, 1 << 20} {
		add(Case{Name: "Queue/impl=pipe/procs=2/size=" + sizeName(size), Bytes: size, Open: func(e *Env) (Run, error) {
			path, err := e.path("pipe")
			if err != nil {
				return nil, err
			}
			if err := unix.Mkfifo(path, 0o600); err != nil {
				return nil, err
			}
			return e.cast(placed(
				party{Role: "pipe put", Object: path, Size: size},
				party{Role: "pipe get", Object: path, Size: size})...)
		}})
	}
	roles["pipe put"] = func(_ context.Context, _ *carom.Manager, p party) (share, error) {
		f, err := os.OpenFile(p.Object, os.O_WRONLY, 0)
		return writes(f, p.Size), err
	}
	roles["pipe get"] = func(_ context.Context, _ *carom.Manager, p party) (share, error) {
		f, err := os.Open(p.Object)
		return reads(f, p.Size), err
	}
}
