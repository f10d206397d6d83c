//go:build race

package tests

// raced: the race detector bears 8128 goroutines.
const raced = true
