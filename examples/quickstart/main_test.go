package main

import (
	"os"
	"strings"
	"testing"

	"github.com/carom-ipc/carom/examples/internal/example"
)

func TestQuickstart(t *testing.T) {
	if got := example.Run(t); got != "<nil> 4000\n" {
		t.Errorf("it printed %q", got)
	}
}

// The README shows this program.
func TestREADME(t *testing.T) {
	program, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(readme), "```go\n"+string(program)+"```\n") {
		t.Error("README.md does not show main.go as it is")
	}
}
