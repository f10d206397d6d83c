// want T: the factory is no function

package p

import "github.com/carom-ipc/carom"

type t struct{}

var ts = carom.Register[t]("T", 3)
