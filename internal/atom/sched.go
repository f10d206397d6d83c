//go:build carom_sched && !carom_crash

package atom

// Yield is called before every access to a shared word. The seeded scheduler
// of the tests sets it while it runs.
var Yield = func() {}
