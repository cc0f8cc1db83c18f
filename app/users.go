package app

import (
	"tcphealth_exporter/hostinfo"
	"tcphealth_exporter/sampler"
)

// overflowUID stands for the user ids that a user namespace lacks.
const overflowUID = 65534

// userIDs returns the function that returns the user id of a socket and reports whether it is
// known; nil if all are.
func userIDs(procPath string) func(*sampler.Socket) (uint32, bool) {
	if hostinfo.MapsAllUsers(procPath) {
		return nil
	}

	return mappedUserID
}

// mappedUserID returns the user id of a socket in a user namespace that lacks some. The
// kernel replaces these in what this process requests or reads; the sockets of other network
// namespaces that are not read from /proc are requested by another process.
func mappedUserID(s *sampler.Socket) (uid uint32, known bool) {
	return s.UID, s.UID != overflowUID || s.Space != 0 && !s.Has(sampler.FromProc)
}
