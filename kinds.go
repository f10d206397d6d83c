package carom

import "strings"

// builtinKinds are the kinds that carom itself has, by the protocol's names for them.
// Any other kind is a registered type, whose typeid is its name on both sides.
var builtinKinds = map[string]string{
	"value": "Value", "array": "Array", "queue": "Queue", "bytequeue": "ByteQueue",
	"lock": "Lock", "rlock": "RLock", "semaphore": "Semaphore", "boundedsemaphore": "BoundedSemaphore",
	"condition": "Condition", "event": "Event", "barrier": "Barrier",
	"dict": "Dict", "list": "List", "namespace": "Namespace",
	"arena": "Arena", "custom": "Custom", // no objects of users, and no names for types either
}

// protocolKind is the protocol's name for a kind.
func protocolKind(kind string) string {
	if isBuiltin(kind) {
		return strings.ToLower(kind)
	}
	return kind
}

func isBuiltin(kind string) bool { return kind != "" && builtinKinds[strings.ToLower(kind)] == kind }

// kindName is a kind's name here, given the protocol's.
func kindName(protocol string) string {
	if name, ok := builtinKinds[protocol]; ok {
		return name
	}
	return protocol
}
