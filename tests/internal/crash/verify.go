package crash

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/carom-ipc/carom/futex"
	"github.com/carom-ipc/carom/shm"
)

// Repair is what a process does that comes upon what the dead left: it uses every
// object, finds that nothing is missing, and removes it.
func Repair(a *shm.Arena) error {
	if err := swept(a); err != nil { // counts are behind until then
		return err
	}
	var list []shm.Info
	if err := within(func(ctx context.Context) error {
		return a.List(ctx, func(i shm.Info) bool { list = append(list, i); return true })
	}); err != nil {
		return fmt.Errorf("list: %w", err)
	}
	for _, i := range list { // the queues first: the tally is one of the objects
		if q := slices.Index(tallied, i.Name); q >= 0 {
			if err := useQueue(a, q); err != nil {
				return err
			}
		}
	}
	for _, i := range list {
		if err := use(a, i); err != nil {
			return fmt.Errorf("%v %q: %w", i.Kind, i.Name, err)
		}
		if err := remove(a, i.Name); err != nil {
			return fmt.Errorf("remove %q: %w", i.Name, err)
		}
	}
	return remove(a, tallyName) // an earlier one who repaired may have died after it removed it
}

// swept waits until no dead process is left in the table.
func swept(a *shm.Arena) error {
	for end := time.Now().Add(Patience); a.Stats().Processes != len(a.Processes()); {
		if time.Now().After(end) {
			return fmt.Errorf("%d processes are in the table, %d of them live", a.Stats().Processes, len(a.Processes()))
		}
		time.Sleep(50 * time.Microsecond)
	}
	return nil
}

func useQueue(a *shm.Arena, i int) error {
	q, err := openQueue(a, i)
	if err != nil {
		return err
	}
	if err := q.drain(); err != nil {
		return err
	}
	if err := q.works(); err != nil {
		return err
	}
	return q.close()
}

func use(a *shm.Arena, i shm.Info) error {
	switch i.Kind {
	case shm.BoundedSemaphore, shm.Semaphore, shm.Barrier, shm.Condition:
		return useSync(a, i)
	}
	o, err := open(a, shm.Spec{Name: i.Name, Kind: i.Kind, Type: i.Type, OpenOnly: true, Any: true})
	if err != nil {
		return err
	}
	switch i.Kind {
	case shm.Value:
		if i.Type == "[3]int64" {
			err = useBig(o)
		} else {
			var c shm.Cell[int64]
			c.Bind(o.Object)
			shm.StoreAt(c.Place(), shm.LoadAt[int64](c.Place()))
			c.Unbind()
		}
	case shm.Lock:
		err = useLock(a, o)
	case shm.Event:
		e := shm.EventOf(o.Object)
		e.Set(a.Domain())
		if err = within(func(ctx context.Context) error { return e.Wait(ctx, a.Domain()) }); err == nil {
			e.Clear()
		}
	}
	if err != nil {
		return err
	}
	return o.Close(context.Background())
}

// useBig finds the three words of the value equal, and changes them.
func useBig(o *shm.Handle) error {
	return within(func(ctx context.Context) error {
		var seen [3]int64
		err := shm.UpdateBig(ctx, o, func(v [3]int64) ([3]int64, bool) {
			seen = v
			return [3]int64{v[0] + 1, v[1] + 1, v[2] + 1}, true
		})
		if err == nil && (seen[0] != seen[1] || seen[1] != seen[2]) {
			return fmt.Errorf("a torn value: %v", seen)
		}
		return err
	})
}

func useLock(a *shm.Arena, o *shm.Handle) error {
	for range 2 {
		if err := within(func(ctx context.Context) error { return lock(ctx, a, o) }); err != nil {
			return err
		}
		if err := shm.LockOf(o.Object).Unlock(a.Domain()); err != nil {
			return err
		}
	}
	if _, err := shm.LockOf(o.Object).TryLock(a.Domain(), futex.Report); err != nil {
		return fmt.Errorf("try lock of a free lock: %w", err)
	}
	return shm.LockOf(o.Object).Unlock(a.Domain())
}

// Sound waits until want processes are left and the dead are swept, then finds the
// arena as it was when it was new.
func Sound(a *shm.Arena, want int) error {
	end := time.Now().Add(Patience)
	for a.Stats().Processes != want {
		if time.Now().After(end) {
			return fmt.Errorf("%d processes are attached, want %d: %+v", a.Stats().Processes, want, a.Processes())
		}
		time.Sleep(100 * time.Microsecond)
	}
	found, err := a.Check(context.Background(), true)
	if err != nil {
		return err
	}
	if len(found) > 0 {
		return fmt.Errorf("the arena: %q", found)
	}
	if err := Repair(a); err != nil {
		return err
	}
	if err := within(a.Flush); err != nil {
		return err
	}
	if found, err = a.Check(context.Background(), true); err != nil || len(found) > 0 {
		return fmt.Errorf("the arena, emptied: %q %w", found, err)
	}
	if s := a.Stats(); s.Objects != 0 || s.Used != 0 {
		return fmt.Errorf("left over: %d objects, %d bytes", s.Objects, s.Used)
	}
	return nil
}
