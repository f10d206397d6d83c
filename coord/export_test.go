package coord

// For tests that would import this package in a circle.
var (
	NewDirectory = func() Names { return newDirectory() }
	TestKey      = testKey
)
