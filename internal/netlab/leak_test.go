package netlab

import (
	"net"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

// census counts what a test could leave behind.
type census struct {
	fds, goroutines, strays int
}

// TestNothingIsLeft uses everything the package has in an inner test, and then counts.
func TestNothingIsLeft(t *testing.T) {
	RequireRoot(t)
	useEverything(t) // The first time around, the runtime makes things that stay, such as its poller.
	before := count(t)
	for range 3 {
		useEverything(t)
	}
	after := await(t, func() (census, bool) {
		now := count(t)
		return now, now.fds <= before.fds && now.goroutines <= before.goroutines && now.strays == 0
	})
	t.Logf("before %+v, after %+v", before, after)
}

// TestNamespaceIsDestroyed sees a namespace go by the cable that goes with it.
func TestNamespaceIsDestroyed(t *testing.T) {
	RequireRoot(t)
	outer := New(t)
	var link Link
	t.Run("inner", func(t *testing.T) {
		link = Join(t, outer, New(t), 1)
	})
	await(t, func() (string, bool) {
		var err error
		outer.Do(func() { _, err = net.InterfaceByName(link.A.Name) })
		return "interface " + link.A.Name, err != nil
	})
}

// useEverything leaves to the cleanup of an inner test whatever it can.
func useEverything(t *testing.T) {
	t.Helper()
	t.Run("inner", func(t *testing.T) {
		a, b := New(t), New(t)
		link := Join(t, a, b, 1)
		a.Pair(t, "tcp", "[::1]:0")
		Connect(t, a, b, "tcp", at(link.B.IPv4, 0))
		a.Listen(t, "tcp", "127.0.0.1:0")
		a.Start(t, "sleep", "1000")
		b.Run(t, "true")
		observe(t, func(t testing.TB) { a.Do(func() { t.Fatal("inside") }) })
	})
}

// await polls f for a few seconds until it is content: threads, and namespaces even more so, end in their own time.
func await[T any](t *testing.T, f func() (T, bool)) T {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		got, ok := f()
		if ok {
			return got
		}
		if time.Now().After(deadline) {
			t.Fatalf("still there: %+v", got)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// count takes the census of the process. Strays are threads in another network namespace than the main thread's.
func count(t *testing.T) census {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	home, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	threads, err := filepath.Glob("/proc/self/task/*/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	strays := 0
	for _, thread := range threads {
		if name, err := os.Readlink(thread); err == nil && name != home {
			strays++
		}
	}
	return census{fds: len(fds), goroutines: runtime.NumGoroutine(), strays: strays}
}
