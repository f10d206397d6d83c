package cases

import "github.com/carom-ipc/carom"

// Operations that meet nobody.
func init() {
	Add(InProcess("EventSetClear/impl=carom", 0, func(e *Env) (func(int) error, error) {
		v, err := carom.NewEvent(e.M, "")
		if _, err := own(e, v, err); err != nil {
			return nil, err
		}
		return func(n int) error {
			for range n {
				if err := v.Set(); err != nil {
					return err
				}
				if err := v.Wait(e.Ctx); err != nil {
					return err
				}
				if err := v.Clear(); err != nil {
					return err
				}
			}
			return nil
		}, nil
	}))
	Add(semaphorePair("Semaphore/impl=carom/kind=signal", func(m *carom.Manager) (*carom.Semaphore, error) {
		return carom.NewSemaphore(m, "", 1)
	}))
	Add(semaphorePair("Semaphore/impl=carom/kind=permit", func(m *carom.Manager) (*carom.Semaphore, error) {
		return carom.NewSemaphore(m, "", 1, carom.Permits())
	}))
}

func semaphorePair(name string, open func(*carom.Manager) (*carom.Semaphore, error)) Case {
	return InProcess(name, 0, func(e *Env) (func(int) error, error) {
		s, err := open(e.M)
		if _, err := own(e, s, err); err != nil {
			return nil, err
		}
		return func(n int) error {
			for range n {
				if err := s.Acquire(e.Ctx); err != nil {
					return err
				}
				if err := s.Release(); err != nil {
					return err
				}
			}
			return nil
		}, nil
	})
}
