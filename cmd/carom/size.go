package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// size is a flag of bytes: "4096", "512MiB", "2G". Units are powers of 1024, those
// of the form MB of 1000.
type size int64

var units = map[string]float64{
	"": 1, "b": 1,
	"k": 1 << 10, "ki": 1 << 10, "kib": 1 << 10, "kb": 1e3,
	"m": 1 << 20, "mi": 1 << 20, "mib": 1 << 20, "mb": 1e6,
	"g": 1 << 30, "gi": 1 << 30, "gib": 1 << 30, "gb": 1e9,
	"t": 1 << 40, "ti": 1 << 40, "tib": 1 << 40, "tb": 1e12,
}

func (s *size) String() string { return strconv.FormatInt(int64(*s), 10) }

// Set implements flag.Value.
func (s *size) Set(text string) error {
	end := strings.LastIndexAny(text, "0123456789.") + 1
	unit, known := units[strings.ToLower(strings.TrimSpace(text[end:]))]
	n, err := strconv.ParseFloat(strings.TrimSpace(text[:end]), 64)
	if err != nil || !known {
		return fmt.Errorf("want bytes such as 4096, 64MiB or 2GiB")
	}
	if n *= unit; n < 1 || n >= math.MaxInt64 {
		return fmt.Errorf("%.0f bytes is out of range", n)
	}
	*s = size(n)
	return nil
}

// readable is a number of bytes for people.
func readable(bytes int64) string {
	const letters = "KMGTPE"
	n, unit := float64(bytes), -1
	for n >= 1024 && unit < len(letters)-1 {
		n /= 1024
		unit++
	}
	if unit < 0 {
		return fmt.Sprintf("%d B", bytes)
	}
	return fmt.Sprintf("%.1f %ciB", n, letters[unit])
}
