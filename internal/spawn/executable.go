package spawn

import (
	"os"
	"os/exec"
	"path/filepath"
)

// selfExe is this executable, also when its file was replaced or removed meanwhile.
const selfExe = "/proc/self/exe"

// calledAs is how this program was called, as long as the working directory is the one that
// a relative path starts from.
var calledAs = func() string {
	path, err := exec.LookPath(os.Args[0])
	if err != nil {
		return ""
	}
	path, _ = filepath.Abs(path)
	return path
}()

// executable is what starts this program again. Where /proc is not mounted it is the file
// that was called.
func executable() string {
	if _, err := os.Stat(selfExe); err == nil {
		return selfExe
	}
	if path, err := os.Executable(); err == nil {
		return path
	}
	return calledAs
}
