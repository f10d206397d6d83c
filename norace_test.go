//go:build !race

package carom_test

const raced = false
