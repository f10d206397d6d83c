package cases

import (
	_ "embed"
	"fmt"
	"os"
	"os/exec"
)

//go:embed python.py
var pythonScript []byte

// What Python's multiprocessing does, run and timed by Python processes.
func init() {
	python("ValueAdd/impl=multiprocessing", "value")
	python("Lock/impl=multiprocessing/procs=1", "lock")
	python("Lock/impl=multiprocessing/procs=2/goroutines=1", "locks", "2")
	python("Lock/impl=multiprocessing/procs=4/goroutines=1", "locks", "4")
	python("Semaphore/impl=multiprocessing", "semaphore")
	python("EventRoundTrip/impl=multiprocessing/procs=2", "round_trip", "event")
	python("SemaphoreRoundTrip/impl=multiprocessing/procs=2", "round_trip", "semaphore")
	python("ConditionRoundTrip/impl=multiprocessing/procs=2", "round_trip", "condition")
	python("QueueRoundTrip/impl=multiprocessing/procs=2/size=64B", "round_trip", "queue")
	python("BarrierRound/impl=multiprocessing/procs=2", "barrier")
	for _, size := range Sizes {
		for _, s := range Shapes {
			pythonOf(size, "Queue/impl=multiprocessing/"+ShapeName(s[0], s[1])+"/size="+SizeName(size), "queue", size, Depth(size), s[0], s[1])
		}
	}
	python("DictGet/impl=multiprocessing/clients=1/goroutines=1", "manager_dict", "get")
	python("DictSet/impl=multiprocessing/clients=1/goroutines=1", "manager_dict", "set")
	python("DictUpdate/impl=multiprocessing/clients=1/goroutines=1", "manager_dict", "update")
	python("ListAppend/impl=multiprocessing", "manager_list", "append")
	python("ListAll/impl=multiprocessing", "manager_list", "all")
	python("Start/impl=multiprocessing/procs=2", "start")
}

func python(name string, args ...any) { pythonOf(0, name, args...) }

func pythonOf(size int, name string, args ...any) {
	Add(Case{Name: name, Bytes: size, Open: func(e *Env) (Run, error) {
		interpreter, err := exec.LookPath("python3")
		if err != nil {
			return nil, fmt.Errorf("%w: python3", ErrMissing)
		}
		script, err := e.Path("peer.py")
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(script, pythonScript, 0o600); err != nil {
			return nil, err
		}
		line := []string{script}
		for _, a := range args {
			line = append(line, fmt.Sprint(a))
		}
		return e.talk(interpreter, line...)
	}})
}
