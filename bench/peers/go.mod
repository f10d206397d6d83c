module github.com/carom-ipc/carom/bench/peers

go 1.26.0

replace github.com/carom-ipc/carom => ../..

require (
	bitbucket.org/avd/go-ipc v0.6.1
	github.com/carom-ipc/carom v0.0.0-00010101000000-000000000000
	github.com/redis/go-redis/v9 v9.22.0
)

require (
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	github.com/fxamacker/cbor/v2 v2.10.0 // indirect
	github.com/pkg/errors v0.8.1 // indirect
	github.com/x448/float16 v0.8.4 // indirect
	go.uber.org/atomic v1.11.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
)
