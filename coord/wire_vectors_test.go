package coord

import (
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom/internal/errs"
)

var updateVectors = flag.Bool("update", false, "write testdata/vectors.txt anew")

const vectorsFile = "testdata/vectors.txt"

type vector struct {
	name string
	body []byte
}

// vectors are the examples that PROTOCOL.md refers to, in the order of a
// conversation. Nonces and ids are fixed.
func vectors() []vector {
	key := []byte("the auth key")
	client, server := bytes.Repeat([]byte{0xc1}, nonceSize), bytes.Repeat([]byte{0x5e}, nonceSize)
	session := bytes.Repeat([]byte{0x1d}, sessionSize)
	resume, resumed := handshakeOptions{}, handshakeOptions{}
	resume.setBool(optionResume, true)
	resume.setUint(optionReceived, 41)
	resume.setUint(optionAttempt, 2)
	resumed.setUint(optionTaken, 44)
	resumed.setUint(optionGrace, 3000)
	resumed.setText(optionCodec, "cbor")
	resumed.setBool(optionLane, false)
	handle := append([]byte{0xd9, 0xca, 0x70}, args(bytes.Repeat([]byte{0xa7}, 16), "Dict", "nested")...)
	result := func(id uint64, value []byte) []byte { return append(appendReply(nil, id), value...) }
	return []vector{
		{"hello", appendHello(nil, hello{version: 1, nonce: client})},
		{"challenge", appendChallenge(nil, challenge{1, server})},
		{"proof", appendProof(nil, proof(key, roleClient, 1, client, server, nil))},
		{"welcome", appendWelcome(nil, welcome{
			mac: proof(key, roleServer, 1, client, server, session), session: session,
			epoch: 77, frame: 64 << 20, depth: 128, payload: []byte("app"),
		})},
		{"refusal", appendRefusal(nil, "auth", "the auth key is not the coordinator's")},
		{"open request", appendRequest(nil, 1, 0, "open", args("dict", "scores", "dict[string]int64", nil, 0))},
		{"open reply", result(1, args(uint64(1<<61), true, "dict[string]int64", nil, []byte("identity")))},
		{"set request", appendRequest(nil, 2, 1<<61, "set", args("alice", -3))},
		{"set reply", result(2, enc(1))},
		{"get request", appendRequest(nil, 3, 1<<61, "get", args("alice"))},
		{"get reply", result(3, args(-3, 1))},
		{"get reply, absent", result(3, enc(nil))},
		{"add request", appendRequest(nil, 4, 1<<61, "add", args("pi", 3.140625, "float64"))},
		{"deleteif request", appendRequest(nil, 5, 1<<61, "deleteif", args("pi", 2))},
		{"deleteif reply", result(5, args(false, 3, 3.140625))},
		{"watchall request", appendRequest(nil, 5, 0, "stream", args(uint64(1<<61), "watchall", []any{}))},
		{"storeif request", appendRequest(nil, 5, 1<<61+2, "storeif", args(7, []byte{1, 2, 3, 4}))},
		{"error reply", appendError(nil, 5, "list", "get", fmt.Errorf("%w: index 7 out of range of 3", errs.ErrNotFound))},
		{"remote error reply", appendError(nil, 6, "counter", "incr", fmt.Errorf("no more"))},
		{"cancel request", appendRequest(nil, 0, 0, "cancel", args(7))},
		{"stream request", appendRequest(nil, 8, 0, "stream", args(uint64(1<<61), "watch", []any{"alice"}))},
		{"next reply", result(9, args(true, []any{[]any{0, "alice", -2, 2}}))},
		{"open request of a registered type", appendRequest(nil, 10, 0, "open", args("Counter", "hits", "", []any{5}, 0))},
		{"reply with an object", result(11, append([]byte{0xd9, 0xca, 0x70}, args(bytes.Repeat([]byte{0xa7}, 16), "Node", "node-0011223344556677", uint64(1<<61+1))...))},
		{"set request, the value a handle", appendRequest(nil, 10, 1<<61, "set", append(AppendText(AppendArray(nil, 2), "d"), handle...))},
		{"open request, a lock", appendRequest(nil, 11, 0, "open", args("lock", "l", "", []any{false}, 0))},
		{"open reply, a lock", result(11, args(uint64(1<<61+1), true, "", []any{false}, []byte("another")))},
		{"lock request", appendRequest(nil, 12, 1<<61+1, "lock", args())},
		{"lock reply", result(12, enc(7))},
		{"request that acknowledges", appendReceived(appendRequest(nil, 45, 0, "ping", args()), 0, 41)},
		{"ack request", appendReceived(appendRequest(nil, 0, 0, "ack", args()), 0, 43)},
		{"hello that resumes", appendHello(nil, hello{version: 1, nonce: client, session: session, options: resume})},
		{"proof that resumes", appendProof(nil, proof(key, roleClient, 1, client, server, session))},
		{"welcome that resumes", appendWelcome(nil, welcome{
			mac: proof(key, roleServer, 1, client, server, session), session: session, resumed: true,
			epoch: 77, frame: 64 << 20, depth: 128, options: resumed,
		})},
		{"reply that is sent again", markedDuplicate(result(44, enc(nil)))},
		{"bye request", appendRequest(nil, 0, 0, "bye", args())},
		{"floats", args(0.0, 1.5, 65504.0, 5.960464477539063e-8, 100000.0, 1.1, 3.4028234663852886e+38)},
	}
}

func markedDuplicate(reply []byte) []byte {
	frame := append(beginFrame(nil), reply...)
	markDuplicate(frame)
	return frame[frameHead:]
}

// Vectors are a file, so that a client in another language can be tested with
// them: a name, a colon, and the whole frame in hex.
func TestVectors(t *testing.T) {
	var b strings.Builder
	for _, v := range vectors() {
		frame, err := endFrame(append(beginFrame(nil), v.body...), 0, handshakeMax)
		require.NoError(t, err)
		fmt.Fprintf(&b, "%s: %s\n", v.name, hex.EncodeToString(frame))
	}
	if *updateVectors {
		require.NoError(t, os.WriteFile(vectorsFile, []byte(b.String()), 0o644))
	}
	want, err := os.ReadFile(vectorsFile)
	require.NoError(t, err)
	require.Equal(t, string(want), b.String(), "the protocol has changed: bump its version, or run with -update")
}
