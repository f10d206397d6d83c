package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/carom-ipc/carom/bench/internal/cases"
)

// others makes the cases of other programs known, and says what there is not.
func others(ctx context.Context, anchors, dir string) (absent []string) {
	peers := filepath.Join(dir, "peers")
	if err := build(ctx, "bench/peers", peers); err != nil {
		absent = append(absent, fmt.Sprintf("no peers that bring dependencies: %v", err))
	} else if err := cases.AddProgram(ctx, peers); err != nil {
		absent = append(absent, fmt.Sprintf("no peers that bring dependencies: %v", err))
	}
	if anchors == "" {
		return append(absent, "no native anchors: their directory was not named (-anchors, CAROM_ANCHORS)")
	}
	if err := cases.AddAnchors(ctx, anchors, dir); err != nil {
		for line := range strings.Lines(strings.ReplaceAll(err.Error(), anchors, "DIR")) {
			absent = append(absent, "no native anchors of "+strings.TrimSpace(line))
		}
	}
	return absent
}

// plots has the module in bench/plots draw what is in a file of results.
func plots(ctx context.Context, results, out string) ([]string, error) {
	in, err := filepath.Abs(results)
	if err != nil {
		return nil, err
	}
	if out, err = filepath.Abs(out); err != nil {
		return nil, err
	}
	b, err := exec.CommandContext(ctx, "go", "-C", "bench/plots", "run", ".", in, out).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, firstLine(b))
	}
	return strings.Fields(string(b)), nil
}

func build(ctx context.Context, module, program string) error {
	b, err := exec.CommandContext(ctx, "go", "-C", module, "build", "-o", program, ".").CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, firstLine(b))
	}
	return nil
}

func firstLine(b []byte) string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(b)), "\n")
	return line
}
