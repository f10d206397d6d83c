package cases

import (
	"context"
	"fmt"
	"slices"

	"github.com/carom-ipc/carom"
)

// DictEntries is how many entries the dicts of the cases have, and ManyKeys how many keys
// one call has where it has many. An operation is one key there, not one call.
const (
	DictEntries = 1000
	ManyKeys    = 100
)

// DictKeys are the keys of the cases: short strings.
func DictKeys(n int) []string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = fmt.Sprintf("key-%04d", i)
	}
	return keys
}

// DictOps are what is done to dicts, as names of families have them.
var DictOps = []string{"Get", "Set", "AddKey", "GetMany", "Update"}

// Crowds are how many client processes there are, and goroutines in each.
var Crowds = [][2]int{{1, 1}, {1, 64}, {4, 1}, {4, 64}}

// CrowdName is a crowd as names of cases have it.
func CrowdName(c [2]int) string { return fmt.Sprintf("clients=%d/goroutines=%d", c[0], c[1]) }

func init() {
	for _, way := range ways {
		for _, op := range DictOps {
			for _, c := range Crowds {
				Add(Case{Name: fmt.Sprintf("Dict%s/impl=carom/way=%s/%s", op, way.name, CrowdName(c)), Open: func(e *Env) (Run, error) {
					e, err := e.Apart(way.options)
					if err != nil {
						return nil, err
					}
					d, err := filledDict(e, DictEntries)
					if err != nil {
						return nil, err
					}
					return e.Clients(c, Party{Role: "dict", Op: op, Object: d.Name()})
				}})
			}
		}
	}
	Roles["dict"] = func(_ context.Context, m *carom.Manager, p Party) (Share, error) {
		d, err := carom.OpenDict[string, int](m, p.Object)
		if err != nil {
			return nil, err
		}
		call := dictOp(d, p.Op, DictKeys(DictEntries))
		return Calling(p, func(int) Call { return call }), nil
	}
}

func filledDict(e *Env, entries int) (*carom.Dict[string, int], error) {
	d, err := carom.NewDict[string, int](e.M, "")
	if _, err := own(e, d, err); err != nil {
		return nil, err
	}
	for keys := range slices.Chunk(DictKeys(entries), 1000) {
		some := map[string]int{}
		for i, key := range keys {
			some[key] = 1000 + i
		}
		if err := d.Update(e.Ctx, some); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// dictOp is one call, the i-th of a goroutine.
func dictOp(d *carom.Dict[string, int], op string, keys []string) Call {
	some := map[string]int{}
	for i, key := range keys[:min(ManyKeys, len(keys))] {
		some[key] = i
	}
	return map[string]Call{
		"Get": func(ctx context.Context, i int) error {
			if _, ok, err := d.Get(ctx, keys[i%len(keys)]); err != nil || !ok {
				return fmt.Errorf("get: there %t: %w", ok, err)
			}
			return nil
		},
		"Set": func(ctx context.Context, i int) error { return d.Set(ctx, keys[i%len(keys)], 1000+i) },
		"AddKey": func(ctx context.Context, i int) error {
			_, err := carom.AddKey(ctx, d, keys[i%len(keys)], 1)
			return err
		},
		"GetMany": func(ctx context.Context, _ int) error {
			_, err := d.GetMany(ctx, keys[:len(some)]...)
			return err
		},
		"Update": func(ctx context.Context, _ int) error { return d.Update(ctx, some) },
	}[op]
}
