// want T: Three has 3 results: return a struct

package p

import "github.com/carom-ipc/carom"

type t struct{}

func (t) Three() (int, int, int) { return 1, 2, 3 }

var ts = carom.Register[t]("T", func() t { return t{} })
