package cases

import (
	"context"
	"os"

	"golang.org/x/sys/unix"

	"github.com/carom-ipc/carom"
)

func init() {
	for _, size := range []int{64, 1 << 10, 64 << 10, 1 << 20} {
		Add(Case{Name: "Queue/impl=pipe/procs=2/size=" + SizeName(size), Bytes: size, Open: func(e *Env) (Run, error) {
			path, err := e.Path("pipe")
			if err != nil {
				return nil, err
			}
			if err := unix.Mkfifo(path, 0o600); err != nil {
				return nil, err
			}
			return e.Cast(Placed(
				Party{Role: "pipe put", Object: path, Size: size},
				Party{Role: "pipe get", Object: path, Size: size})...)
		}})
	}
	Roles["pipe put"] = func(_ context.Context, _ *carom.Manager, p Party) (Share, error) {
		f, err := os.OpenFile(p.Object, os.O_WRONLY, 0)
		return writes(f, p.Size), err
	}
	Roles["pipe get"] = func(_ context.Context, _ *carom.Manager, p Party) (Share, error) {
		f, err := os.Open(p.Object)
		return reads(f, p.Size), err
	}
}
