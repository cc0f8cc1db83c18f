package broker

import (
	"errors"
	"flag"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// refusal is the reply to malformed requests.
var refusal = Reply{Status: StatusRefused, Errno: unix.EPROTO}

// exchangeRaw sends any bytes and descriptors and returns the reply, whose descriptors it
// closes.
func exchangeRaw(t testing.TB, conn *net.UnixConn, request []byte, fds ...int) Reply {
	t.Helper()

	var rights []byte
	if len(fds) > 0 {
		rights = unix.UnixRights(fds...)
	}

	_, _, err := conn.WriteMsgUnix(request, rights, nil)
	must(t, err)

	b, oob := make([]byte, ReplySize+1), make([]byte, unix.CmsgSpace(4))
	n, oobn, _, _, err := conn.ReadMsgUnix(b, oob)
	must(t, err)
	closeAll(descriptors(oob[:oobn]))

	reply, err := ParseReply(b[:n])
	must(t, err)

	return reply
}

// openSelf is a request for a socket in the test's own network namespace.
func openSelf() Request { return Request{Op: OpOpen, PID: int32(os.Getpid())} }

// TestWrongSizes: a request of any other size is refused, and the next one answered.
func TestWrongSizes(t *testing.T) {
	conn := dialRaw(t, start(t, socketPath(t), Config{}).path)
	request := append(openSelf().Bytes(), make([]byte, 4096)...)

	for _, size := range []int{1, 2, RequestSize - 1, RequestSize + 1, 2 * RequestSize, len(request)} {
		if got := exchangeRaw(t, conn, request[:size]); got != refusal {
			t.Errorf("%d bytes: %+v", size, got)
		}
	}

	if got := exchangeRaw(t, conn, Request{Op: OpOpen, PID: 1<<31 - 1}.Bytes()); got.Errno != unix.ESRCH {
		t.Errorf("a correct request afterwards: %+v", got)
	}
}

// TestPassedDescriptors: a request with descriptors is refused, and none is kept.
func TestPassedDescriptors(t *testing.T) {
	conn := dialRaw(t, start(t, socketPath(t), Config{}).path)
	if got := exchangeRaw(t, conn, requestTable[0].Bytes()[1:]); got != refusal {
		t.Fatalf("%+v", got)
	}

	before := usageNow(t)

	for _, count := range []int{1, 2, 100} {
		fds := make([]int, count)
		for i := range fds {
			fds[i] = int(os.Stdin.Fd())
		}

		if got := exchangeRaw(t, conn, openSelf().Bytes(), fds...); got != refusal {
			t.Errorf("%d descriptors: %+v", count, got)
		}
	}

	awaitUsage(t, before)
}

var floodRequests = flag.Int("flood", 100_000, "number of requests of TestFlood")

// TestFlood sends correct requests with random damage, some of them with descriptors. Every
// one is answered, the damaged ones by a refusal, and nothing leaks.
func TestFlood(t *testing.T) {
	path := start(t, socketPath(t), Config{CgroupRoot: t.TempDir()}).path
	conn := dialRaw(t, path)
	random := rand.New(rand.NewPCG(1, 2))
	statuses := make(map[Status]int)

	exchangeRaw(t, conn, openSelf().Bytes())

	before, memory := usageNow(t), heapNow()

	for n := range *floodRequests {
		request := requestTable[random.IntN(len(requestTable))].Bytes()
		if random.IntN(8) == 0 {
			request = openSelf().Bytes()
		}

		for range random.IntN(3) {
			request[random.IntN(len(request))] = byte(random.Uint32())
		}

		switch random.IntN(8) {
		case 0, 1:
			request = request[:1+random.IntN(len(request))]
		case 2:
			request = append(request, make([]byte, 1+random.IntN(4096))...)
		}

		var fds []int
		if random.IntN(8) == 0 {
			fds = slices.Repeat([]int{int(os.Stdin.Fd())}, 1+random.IntN(100))
		}

		if n%1000 == 0 {
			must(t, conn.SetDeadline(time.Now().Add(time.Minute)))
		}

		_, malformed := ParseRequest(request)

		reply := exchangeRaw(t, conn, request, fds...)
		if statuses[reply.Status]++; (reply == refusal) != (malformed != nil || len(fds) > 0) {
			t.Fatalf("request %x with %d descriptors: %+v", request, len(fds), reply)
		}
	}

	awaitUsage(t, before)

	if grown := heapNow() - memory; grown > 1<<20 {
		t.Errorf("%d bytes of memory were left", grown)
	}

	t.Logf("replies by status: %v, %d bytes of memory left", statuses, heapNow()-memory)

	if few := *floodRequests / 10; statuses[StatusRefused] < few || statuses[StatusFailed] < few {
		t.Errorf("replies by status: %v", statuses)
	}
}

// heapNow returns the memory in use.
func heapNow() int64 {
	var stats runtime.MemStats

	runtime.GC()
	runtime.ReadMemStats(&stats)

	return int64(stats.HeapAlloc)
}

// TestUnreadReplies: a client that does not read is disconnected, so the sockets that wait
// for it do not keep their network namespaces.
func TestUnreadReplies(t *testing.T) {
	b := start(t, socketPath(t), Config{})
	conn := dialRaw(t, b.path)

	var err error
	for err == nil {
		_, err = conn.Write(openSelf().Bytes())
	}

	if !errors.Is(err, syscall.EPIPE) && !errors.Is(err, syscall.ECONNRESET) {
		t.Fatalf("the client was not disconnected: %v", err)
	}

	if got := exchangeRaw(t, dialRaw(t, b.path), requestTable[0].Bytes()[1:]); got != refusal {
		t.Errorf("another client: %+v", got)
	}
}

// TestManyClients: idle clients do not delay others; those beyond the maximum are
// disconnected, until another one leaves.
func TestManyClients(t *testing.T) {
	path := start(t, socketPath(t), Config{}).path
	served := make([]*net.UnixConn, maxClients)

	for i := range served {
		served[i] = dialRaw(t, path)
		exchangeRaw(t, served[i], []byte{0})
	}

	extra := dialRaw(t, path)
	if n, err := extra.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		t.Fatalf("client %d: %v", maxClients+1, err)
	}

	must(t, served[3].Close())
	await(t, "a free place", func() bool {
		conn := dialRaw(t, path)
		_, _ = conn.Write([]byte{0})
		n, _ := conn.Read(make([]byte, ReplySize))

		return n == ReplySize
	})
}

// TestEnd: the end disconnects clients, leaves nothing behind, and removes the socket.
func TestEnd(t *testing.T) {
	before := usageNow(t)
	b := start(t, socketPath(t), Config{})
	conn := dialRaw(t, b.path)
	exchangeRaw(t, conn, []byte{0})

	began := time.Now()

	b.end()

	if took := time.Since(began); took > patience/2 {
		t.Errorf("the end took %v", took)
	}

	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the client is still connected: %v", err)
	}

	if _, err := os.Lstat(b.path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket was left: %v", err)
	}

	must(t, conn.Close())
	awaitUsage(t, before)
}
