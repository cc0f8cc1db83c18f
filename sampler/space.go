package sampler

// Space identifies a network namespace within this process. Zero is the namespace
// that the exporter runs in.
type Space uint16

// Key is the identity of a socket, and of its connection, on a host. The cookie alone
// does not suffice: before Linux 5.4 each network namespace counted its own.
type Key struct {
	Space  Space
	Cookie uint64
}

// Key returns the identity of the socket.
func (s *Socket) Key() Key { return Key{s.Space, s.Cookie} }

// Key returns the identity of the socket that the target names.
func (t *Target) Key() Key { return Key{t.Space, t.Cookie} }
