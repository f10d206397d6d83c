package carom

// A Codec turns arguments and results of registered methods into bytes. Both sides
// of a connection must use the same; its name is compared.
type Codec interface {
	Name() string
	Marshal(v any) ([]byte, error)
	Unmarshal(data []byte, v any) error
}
