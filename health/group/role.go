package group

// Role is the side of a connection that the host is on.
type Role uint8

// The roles.
const (
	// RoleUnknown is that of a connection before the listeners are known.
	RoleUnknown Role = iota
	RoleClient
	RoleServer
)

// String returns the name that metrics use.
func (r Role) String() string {
	switch r {
	case RoleClient:
		return "client"
	case RoleServer:
		return "server"
	default:
		return "unknown"
	}
}
