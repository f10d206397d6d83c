package cases

import (
	"fmt"
	"strings"

	"github.com/carom-ipc/carom"
)

func init() {
	growths = append(growths,
		Growth{Title: "bytes of an item", At: []int{64, 256, 1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20}, Linear: true, Open: withItems},
		Growth{Title: "entries of a dict", At: powers(1, 6), Open: withEntries},
		Growth{Title: "bytes of a dict's value", At: []int{8, 64, 512, 4 << 10, 32 << 10, 256 << 10}, Linear: true, Open: withValues})
}

func withItems(e *Env, x int) (curves []Curve, err error) {
	var flows = []struct {
		name, role string
		object     func() (string, error)
	}{
		{"Queue of []byte", "queue bytes", func() (string, error) { return named(e, queueOf[[]byte](x)) }},
		{"ByteQueue", "bytequeue", func() (string, error) { return named(e, byteQueueOf(x)) }},
		{"unix socket", "unix", func() (string, error) { return e.Path(fmt.Sprintf("stream-%d", x)) }},
	}
	for _, f := range flows {
		object, err := f.object()
		if err != nil {
			return nil, err
		}
		run, err := e.Flow(1, 1, Party{Role: f.role, Object: object, Size: x})
		if err != nil {
			return nil, err
		}
		curves = append(curves, Curve{f.name, run})
	}
	return curves, nil
}

// named makes an object that goes with the environment.
func named[O object](e *Env, open func(*carom.Manager) (O, error)) (string, error) {
	o, err := open(e.M)
	if _, err := own(e, o, err); err != nil {
		return "", err
	}
	return o.Name(), nil
}

func withEntries(e *Env, x int) (curves []Curve, err error) {
	e, err = e.Apart(carom.Options{Memory: 64 << 20})
	if err != nil {
		return nil, err
	}
	d, err := filledDict(e, x)
	if err != nil {
		return nil, err
	}
	keys := DictKeys(x)
	for _, op := range DictOps {
		call := dictOp(d, op, keys)
		name := "Dict." + op
		switch op {
		case "AddKey":
			name = op
		case "GetMany", "Update":
			name += fmt.Sprintf(" of up to %d", ManyKeys)
		}
		curves = append(curves, looped(name, func(i int) error { return call(e.Ctx, i) }))
	}
	return append(curves, looped("Dict.Len", func(int) error { _, err := d.Len(e.Ctx); return err })), nil
}

func withValues(e *Env, x int) ([]Curve, error) {
	e, err := e.Apart(carom.Options{Memory: 64 << 20})
	if err != nil {
		return nil, err
	}
	d, err := carom.NewDict[string, string](e.M, "")
	if _, err := own(e, d, err); err != nil {
		return nil, err
	}
	value := strings.Repeat("v", x)
	if err := d.Set(e.Ctx, "key", value); err != nil {
		return nil, err
	}
	return []Curve{
		looped("Dict.Get", func(int) error { _, _, err := d.Get(e.Ctx, "key"); return err }),
		looped("Dict.Set", func(int) error { return d.Set(e.Ctx, "key", value) }),
	}, nil
}
