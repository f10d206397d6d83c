package spawn

import (
	"os"
	"os/signal"
	"syscall"
)

// Signals to the process group or the cgroup (Ctrl-C, a terminal that hangs up, a service
// manager) reach every process of the program. They are for the one that the user started,
// whose contexts decide about its children. So children catch them:
//
//	signal     worker                 coordinator
//	INT, HUP   nothing                nothing
//	QUIT       nothing                stacks of all goroutines to stderr
//	TERM       its context ends       nothing
//
// They are caught, not ignored: a signal that is ignored stays so in programs that a child
// executes. One that this process was started to ignore, as by nohup, stays ignored for the
// same reason.
//
// Each channel has room for one signal, which waits there until somebody reads.
var (
	swallowed  = make(chan os.Signal, 1)
	quit       = make(chan os.Signal, 1)
	terminated = make(chan os.Signal, 1)
)

// A child catches signals before its program's own initialization: until then they kill.
func init() {
	if os.Getenv(roleEnv) == "" {
		return
	}
	catch(swallowed, syscall.SIGINT)
	catch(swallowed, syscall.SIGHUP)
	catch(quit, syscall.SIGQUIT)
	catch(terminated, syscall.SIGTERM)
	go drain(swallowed)
}

func catch(c chan<- os.Signal, sig os.Signal) {
	if !signal.Ignored(sig) {
		signal.Notify(c, sig)
	}
}

func drain(c <-chan os.Signal) {
	for range c {
	}
}
