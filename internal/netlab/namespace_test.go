package netlab

import (
	"errors"
	"net"
	"os"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

func TestNew(t *testing.T) {
	RequireRoot(t)
	outside := readNetns(t)
	n := New(t)
	var inside string
	var addrs []net.Addr
	err := n.DoErr(func() (err error) {
		inside = readNetns(t)
		addrs, err = net.InterfaceAddrs()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if inside == outside {
		t.Error("Do did not enter another namespace")
	}
	var got []string
	for _, a := range addrs {
		got = append(got, a.String())
	}
	if want := []string{"127.0.0.1/8", "::1/128"}; !slices.Equal(got, want) {
		t.Errorf("a new namespace has the addresses %v, want %v", got, want)
	}
	if now := readNetns(t); now != outside {
		t.Errorf("the test went from %v to %v", outside, now)
	}
}

func TestNewGivesDistinctNamespaces(t *testing.T) {
	RequireRoot(t)
	var a, b string
	New(t).Do(func() { a = readNetns(t) })
	New(t).Do(func() { b = readNetns(t) })
	if a == b {
		t.Errorf("two namespaces are one: %s", a)
	}
}

func TestFD(t *testing.T) {
	RequireRoot(t)
	n := New(t)
	var byFD, byPath unix.Stat_t
	n.Do(func() {
		if err := errors.Join(unix.Fstat(n.FD(), &byFD), unix.Stat(threadNetns, &byPath)); err != nil {
			t.Fatal(err)
		}
	})
	if byFD.Ino != byPath.Ino {
		t.Errorf("FD is of the namespace %d, Do runs in %d", byFD.Ino, byPath.Ino)
	}
}

func TestDoMayFailTheTest(t *testing.T) {
	RequireRoot(t)
	n := New(t)
	got := observe(t, func(t testing.TB) {
		n.Do(func() { t.Fatal("inside") })
		t.Fatal("outside")
	})
	requireMessage(t, "failed", got.fatal, "inside")
}

func TestDoRunsConcurrently(t *testing.T) {
	RequireRoot(t)
	n := New(t)
	n.Do(func() {
		n.Do(func() {}) // Would wait for ever if calls waited for each other.
	})
}

func TestDoErr(t *testing.T) {
	RequireRoot(t)
	n := New(t)
	want := errors.New("no")
	if got := n.DoErr(func() error { return want }); !errors.Is(got, want) {
		t.Errorf("DoErr returned %v, want %v", got, want)
	}
}

func TestSysctl(t *testing.T) {
	RequireRoot(t)
	const path = "/proc/sys/net/ipv4/tcp_syn_retries"
	outside := readFile(t, path)
	n := New(t)
	n.Sysctl(t, "net.ipv4.tcp_syn_retries", "3")
	n.Do(func() {
		if got := readFile(t, path); got != "3\n" {
			t.Errorf("the parameter is %q inside, want 3", got)
		}
	})
	if got := readFile(t, path); got != outside {
		t.Errorf("the parameter went from %q to %q outside", outside, got)
	}
}

func TestSysctlRefuses(t *testing.T) {
	RequireRoot(t)
	n := New(t)
	tests := []struct{ name, key, value, want string }{
		{"another tree", "vm.swappiness", "60", "only parameters below net."},
		{"no such parameter", "net.ipv4.tcp_no_such_knob", "1", "no such file"},
		{"a bad value", "net.ipv4.tcp_syn_retries", "-1", "invalid argument"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := observe(t, func(t testing.TB) { n.Sysctl(t, tt.key, tt.value) })
			requireMessage(t, "failed", got.fatal, tt.want)
		})
	}
}

// readNetns names the network namespace of the calling thread.
func readNetns(t *testing.T) string {
	t.Helper()
	name, err := os.Readlink(threadNetns)
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// readFile returns what a file says to the calling thread.
func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
