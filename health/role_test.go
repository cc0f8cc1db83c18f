package health

import (
	"net/netip"
	"testing"

	"tcphealth_exporter/health/group"
	"tcphealth_exporter/sampler"
)

// between returns the row of a connection between two addresses.
func between(cookie uint64, local, remote string) row {
	r := established(cookie)
	r.Local, r.Remote = netip.MustParseAddrPort(local), netip.MustParseAddrPort(remote)

	return r
}

// role returns the role of a connection in the table.
func (w *watch) role(cookie uint64) group.Role {
	return w.tracker.slab.conn(w.tracker.at.index[cookie]).role
}

func TestRoleByListener(t *testing.T) {
	v6 := func(r row) row {
		r.Family = sampler.FamilyIPv6

		return r
	}
	on := func(ifindex uint32, r row) row {
		r.Ifindex = ifindex

		return r
	}

	plain := between(1, "192.0.2.1:80", "198.51.100.9:4000")
	dual := v6(plain) // of a socket for both families
	six := between(1, "[2001:db8::1]:80", "[2001:db8::9]:4000")
	local := on(3, between(1, "[fe80::1]:80", "[fe80::9]:4000"))

	for name, tc := range map[string]struct {
		connection, listener row
		want                 group.Role
	}{
		"its address":                       {plain, listener(9, "192.0.2.1:80", 0, 1), group.RoleServer},
		"another port":                      {plain, listener(9, "192.0.2.1:81", 0, 1), group.RoleClient},
		"another address":                   {plain, listener(9, "192.0.2.2:80", 0, 1), group.RoleClient},
		"the wildcard":                      {plain, listener(9, "0.0.0.0:80", 0, 1), group.RoleServer},
		"the wildcard of IPv6, IPv4 socket": {plain, listener(9, "[::]:80", 0, 1), group.RoleClient},
		"the wildcard of IPv6, dual stack":  {dual, listener(9, "[::]:80", 0, 1), group.RoleServer},
		"a mapped wildcard":                 {dual, v6(listener(9, "0.0.0.0:80", 0, 1)), group.RoleServer},
		"a mapped address":                  {dual, v6(listener(9, "192.0.2.1:80", 0, 1)), group.RoleServer},
		"IPv4 alone, dual stack":            {dual, listener(9, "0.0.0.0:80", 0, 1), group.RoleClient},
		"IPv6 by the wildcard":              {six, listener(9, "[::]:80", 0, 1), group.RoleServer},
		"IPv6 by its address":               {six, listener(9, "[2001:db8::1]:80", 0, 1), group.RoleServer},
		"IPv6 and the wildcard of IPv4":     {six, listener(9, "0.0.0.0:80", 0, 1), group.RoleClient},
		"IPv6 and a mapped wildcard":        {six, v6(listener(9, "0.0.0.0:80", 0, 1)), group.RoleClient},
		"link-local by its zone":            {local, on(3, listener(9, "[fe80::1]:80", 0, 1)), group.RoleServer},
		"link-local of another zone":        {local, on(4, listener(9, "[fe80::1]:80", 0, 1)), group.RoleClient},
		"link-local by the wildcard":        {local, listener(9, "[::]:80", 0, 1), group.RoleServer},
		"a listener of its interface":       {on(5, plain), on(5, listener(9, "0.0.0.0:80", 0, 1)), group.RoleServer},
		"a listener of another interface":   {on(5, plain), on(6, listener(9, "0.0.0.0:80", 0, 1)), group.RoleClient},
		"a listener of an interface":        {plain, on(5, listener(9, "0.0.0.0:80", 0, 1)), group.RoleClient},
	} {
		w := newWatch(t, Config{})
		w.tick(tc.connection, tc.listener)

		if got := w.role(1); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestRoleIsFixedAtFirstSight(t *testing.T) {
	web := listener(9, "0.0.0.0:443", 0, 1)

	t.Run("the listener ends", func(t *testing.T) {
		w := newWatch(t, Config{})
		w.tick(established(1), web)

		for range 4 {
			w.tick(established(1))
		}

		if got := w.role(1); got != group.RoleServer {
			t.Errorf("%v", got)
		}
	})
	t.Run("the listener begins", func(t *testing.T) {
		w := newWatch(t, Config{})
		w.tick(established(1))
		w.tick(established(1), established(2), web)

		if w.role(1) != group.RoleClient || w.role(2) != group.RoleServer {
			t.Errorf("%v, %v", w.role(1), w.role(2))
		}
	})
	t.Run("the listener has just ended", func(t *testing.T) {
		w := newWatch(t, Config{})
		w.tick(web)
		w.tick(established(1))
		w.tick(established(1), established(2))

		if w.role(1) != group.RoleServer || w.role(2) != group.RoleClient {
			t.Errorf("%v, %v", w.role(1), w.role(2))
		}

		if n := len(w.tracker.at.listeners.openings); n != 0 {
			t.Errorf("%d openings of no listener", n)
		}
	})
	t.Run("a SYN from a port that is listened on", func(t *testing.T) {
		w := newWatch(t, Config{})
		w.tick(unhealthy(1, 0), web)
		w.tick(established(1), web)

		if got := w.role(1); got != group.RoleClient {
			t.Errorf("%v", got)
		}
	})
	t.Run("the dump breaks off before the listeners", func(t *testing.T) {
		w := newWatch(t, Config{})
		w.abort(established(1))
		w.abort(established(1))

		if got := w.role(1); got != group.RoleUnknown {
			t.Errorf("%v", got)
		}

		w.tick(established(1), web)

		if got := w.role(1); got != group.RoleServer {
			t.Errorf("%v", got)
		}

		requireSound(t, w.tracker)
	})
}
