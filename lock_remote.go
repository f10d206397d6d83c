package carom

import "github.com/carom-ipc/carom/coord"

func lockParams(o options) []byte { return coord.AppendBool(coord.AppendArray(nil, 1), o.autoRecover) }

func (l *Lock) fenceRemote() (fence uint64) {
	_ = l.h.look("fence", "fence", intoUint(&fence))
	return fence
}
