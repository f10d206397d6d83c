//go:build race

package carom_test

// raced: under the race detector a sync.Pool drops some of what it is given, to find races.
const raced = true
