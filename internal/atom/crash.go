//go:build carom_crash

package atom

import (
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
)

// CAROM_CRASH=dir/file.go:line[:n] kills at the n-th arrival (default the
// first), or stops there until SIGCONT if CAROM_CRASH_HOW is stop. CAROM_CRASH_RECORD=file
// appends each point once, when first reached.
var crash = struct {
	point  string
	nth    int64
	count  atomic.Int64
	armed  atomic.Bool
	record string
	stop   bool
	pcs    sync.Map // pc → name
}{record: os.Getenv("CAROM_CRASH_RECORD"), stop: os.Getenv("CAROM_CRASH_HOW") == "stop"}

func init() {
	if s := os.Getenv("CAROM_CRASH"); s != "" {
		Arm(s)
	}
}

// Arm sets the point at which this process dies.
func Arm(s string) {
	parts := strings.Split(s, ":")
	crash.nth = 1
	if len(parts) > 2 {
		crash.nth, _ = strconv.ParseInt(parts[2], 10, 64)
	}
	crash.point = parts[0] + ":" + parts[1]
	crash.armed.Store(true)
}

// point is called by the storing functions of this package, whose caller names it.
func point() {
	if !crash.armed.Load() && crash.record == "" {
		return
	}
	var pcs [1]uintptr
	runtime.Callers(3, pcs[:])
	name, known := crash.pcs.Load(pcs[0])
	if !known {
		f, _ := runtime.CallersFrames(pcs[:]).Next()
		name = filepath.Base(filepath.Dir(f.File)) + "/" + filepath.Base(f.File) + ":" + strconv.Itoa(f.Line)
		if _, again := crash.pcs.LoadOrStore(pcs[0], name); !again && crash.record != "" {
			if out, err := os.OpenFile(crash.record, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600); err == nil {
				_, _ = out.WriteString(name.(string) + "\n")
				_ = out.Close()
			}
		}
	}
	if crash.armed.Load() && name == crash.point && crash.count.Add(1) == crash.nth {
		if crash.stop {
			stop()
			return
		}
		_ = syscall.Kill(syscall.Getpid(), syscall.SIGKILL)
		select {}
	}
}

// stop returns when the process goes on.
func stop() {
	goesOn := make(chan os.Signal, 1)
	signal.Notify(goesOn, syscall.SIGCONT)
	defer signal.Stop(goesOn)
	_ = syscall.Kill(syscall.Getpid(), syscall.SIGSTOP)
	<-goesOn
}
