# To be sourced by bash: what .ci/run and .ci/long have in common.
#
# A job is a command, or a function of this shell, whose output is kept apart and printed
# when it ends, with the time that it took. A lane is a function that does jobs one after
# the other; lanes are side by side. A job that fails does not keep the others from running,
# and makes the whole fail.

started=$SECONDS
kept=$(mktemp -d)
lanes=()
trap 'for lane in "${lanes[@]}"; do kill -TERM -- "-$lane" 2>/dev/null || true; done; rm -rf "$kept"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
touch "$kept/printing" "$kept/failed" "$kept/times"

# job NAME COMMAND [ARGUMENT…]
job() {
	local name=$1 output status=0 word=passed took cpu
	shift
	output=$(mktemp "$kept/output.XXXXXX")
	# In the background, and not before ||, so that the first command that fails ends it.
	(
		set +e
		TIMEFORMAT='%R %U %S'
		time {
			(
				set -euo pipefail
				"$@"
			) >"$output" 2>&1 </dev/null
		}
		exit $?
	) 2>"$output.time" &
	wait $! || status=$?
	read -r took cpu < <(awk 'END {printf "%.0f %.0f\n", $1, $2 + $3}' "$output.time")
	{
		flock 9
		if [ "$status" != 0 ]; then
			word=FAILED
			echo "$name" >>"$kept/failed"
		fi
		echo "$took s, $cpu s of CPU: $name" >>"$kept/times"
		printf '\n==== %s: %s after %s s, with %s s of CPU (at %d s)\n' "$name" "$word" "$took" "$cpu" "$((SECONDS - started))"
		cat "$output"
	} 9>"$kept/printing"
}

# lane FUNCTION starts a lane, in a process group of its own.
lane() {
	set -m
	"$1" &
	lanes+=($!)
	set +m
}

# meet waits for all lanes.
broken=
meet() {
	local lane
	for lane in "${lanes[@]}"; do wait "$lane" || broken=1; done
	lanes=()
}

# finish waits for all lanes, and ends the script with 1 if a job failed.
finish() {
	meet
	printf '\n==== how long it took\n'
	sort -rn "$kept/times"
	if [ -s "$kept/failed" ]; then
		printf '\n==== FAILED after %d s\n' "$((SECONDS - started))"
		cat "$kept/failed"
		exit 1
	elif [ -n "$broken" ]; then
		printf '\n==== FAILED after %d s: jobs were left out\n' "$((SECONDS - started))"
		exit 1
	fi
	printf '\n==== passed after %d s\n' "$((SECONDS - started))"
}

# provide PACKAGE COMMAND installs a package of Debian's, where that can be done, if there
# is no such command.
provide() {
	if ! command -v "$2" >/dev/null && command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
		# Its recommendations would change more of the machine than we need.
		export DEBIAN_FRONTEND=noninteractive
		apt-get install -y -q --no-install-recommends "$1" >/dev/null ||
			{ apt-get update -q && apt-get install -y -q --no-install-recommends "$1"; } >/dev/null || true
	fi
	command -v "$2" || echo "there is no $2"
}

# packages are what some tests want, and say so where they are missing: the tests of the
# Python client, benchmarks' peers, the tests as arm64.
packages() {
	provide python3 python3
	provide redis-server redis-server
	provide qemu-user-static qemu-aarch64-static
}

# raced runs go test under the race detector.
raced() {
	if [ "$(go env CGO_ENABLED)" != 1 ] || ! command -v "$(go env CC)" >/dev/null; then
		echo "there is no C compiler, which the race detector needs: left out"
		return
	fi
	# Without this, each of thousands of processes sleeps for a second at its end.
	GORACE="atexit_sleep_ms=0 ${GORACE-}" go test -race "$@"
}

schedules() { go test -tags carom_sched ./futex ./shm -run '^TestSchedules$' "$@"; }
