package logging

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-kit/log"
)

// stuckLog blocks until it is released.
type stuckLog struct {
	release chan struct{}
	mutex   sync.Mutex
	text    bytes.Buffer
}

func (w *stuckLog) Write(b []byte) (int, error) {
	<-w.release

	w.mutex.Lock()
	defer w.mutex.Unlock()

	return w.text.Write(b)
}

func (w *stuckLog) String() string {
	w.mutex.Lock()
	defer w.mutex.Unlock()

	return w.text.String()
}

// TestLogQueueNeverBlocks: a reader that has stopped costs lines, counted ones, and the
// lines that are kept stay in order.
func TestLogQueueNeverBlocks(t *testing.T) {
	w := &stuckLog{release: make(chan struct{})}
	q := NewQueue(w)

	const lines = queuedLines + 100

	for i := range lines {
		if _, err := fmt.Fprintf(q, "line %d\n", i); err != nil {
			t.Fatal(err)
		}
	}

	dropped := q.Dropped()
	if dropped < 99 || dropped > 100 { // one may be in the writer's hands
		t.Errorf("%d lines were dropped", dropped)
	}

	close(w.release)
	q.Close()

	var want strings.Builder
	for i := range lines - int(dropped) {
		fmt.Fprintf(&want, "line %d\n", i)
	}

	if got := w.String(); got != want.String() {
		t.Errorf("%d lines were written, want the first %d in order", strings.Count(got, "\n"), lines-int(dropped))
	}
}

// TestLogQueueEnds: the end of the program does not wait for a reader for ever.
func TestLogQueueEnds(t *testing.T) {
	w := &stuckLog{release: make(chan struct{})}
	defer close(w.release)

	q := NewQueue(w)
	_, _ = q.Write([]byte("line\n"))

	q.Close()

	if w.String() != "" {
		t.Error("a line was written")
	}
}

// failingWriter is a log whose reader has gone.
type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestLogQueueCountsErrors(t *testing.T) {
	q := NewQueue(failingWriter{})
	for range 3 {
		_, _ = q.Write([]byte("line\n"))
	}

	q.Close()

	if got := q.Dropped(); got != 3 {
		t.Errorf("%d lines were dropped, want 3", got)
	}
}

// TestRepeatedMessages: a frequent message is logged 20 times, then once every ten seconds
// with the number of suppressed lines. Other messages are always logged.
func TestRepeatedMessages(t *testing.T) {
	var text bytes.Buffer

	now := time.Unix(1_700_000_000, 0)
	l := newLimiter(log.NewLogfmtLogger(&text))
	l.now = func() time.Time { return now }

	for range 1000 {
		_ = l.Log("msg", "again", "err", "no such file")
		_ = l.Log("msg", errors.New("nothing to reload"))
	}

	_ = l.Log("msg", "once", "n", 1)

	if again, reload := strings.Count(text.String(), "msg=again"), strings.Count(text.String(), "nothing to reload"); again != Repeats || reload != Repeats {
		t.Errorf("%d and %d of 1000 lines, want %d", again, reload, Repeats)
	}

	if !strings.HasSuffix(text.String(), "msg=once n=1\n") {
		t.Error("another message is missing")
	}

	for range 3 {
		text.Reset()

		now = now.Add(repeatEvery)

		for range 50 {
			_ = l.Log("msg", "again")
		}

		if got := text.String(); got != "msg=again suppressed=980\n" && got != "msg=again suppressed=49\n" {
			t.Errorf("ten seconds later: %q", got)
		}
	}

	for i := range 3 * maxMessages { // does not grow for ever
		_ = l.Log("msg", fmt.Sprint("connection ", i))
	}

	if len(l.seen) > maxMessages {
		t.Errorf("%d messages are remembered", len(l.seen))
	}
}

// TestLossIsLogged: the number of dropped lines is logged once no more are dropped.
func TestLossIsLogged(t *testing.T) {
	var (
		text    bytes.Buffer
		dropped uint64
	)

	logger, _ := New(&text, func() uint64 { return dropped }, "info", "logfmt")
	logs := func(want string) {
		t.Helper()
		text.Reset()
		_ = logger.Log("msg", "line")

		if got := strings.Count(text.String(), `level=warn time=`); got != min(len(want), 1) || !strings.Contains(text.String(), want) {
			t.Errorf("want %q, logged %q", want, text.String())
		}
	}

	logs("")

	dropped = 3

	logs("")

	dropped = 5

	logs("")
	logs(`msg="log lines were dropped" count=5`)
	logs("")

	dropped = 6

	logs("")
	logs(`msg="log lines were dropped" count=1`)
}
