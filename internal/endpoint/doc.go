// Package endpoint holds what two processes need in order to meet: addresses, the sockets
// that are listened on, where those are whose address nobody chose, and auth keys.
//
// Package carom and internal/spawn import it.
package endpoint
