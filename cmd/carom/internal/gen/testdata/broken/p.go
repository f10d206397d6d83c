// want T: undefined: missing

package p

import "github.com/carom-ipc/carom"

var ts = carom.Register[missing]("T", nil)
