package owner

import (
	"context"
	"maps"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// The pause after a reading of a directory or a hierarchy, which may have thousands of
	// entries, is pauseFactor times as long as the reading took, within limits.
	shortestPause, longestPause = 500 * time.Millisecond, 10 * time.Second
	pauseFactor                 = 100
	// maxUnknown limits the keys that wait for a reading, and those remembered as absent.
	maxUnknown = 1 << 14
)

// lookup has names by their keys. A reading finds all that exist at that time; keys that are
// unknown are read for in the background. It is safe for concurrent use.
type lookup[K comparable, V any] struct {
	// read returns what exists, and reports whether that is all.
	read func(stop func() bool) (names map[K]V, complete bool)
	// returns: a key that does not exist may do so later.
	returns bool
	// also has names besides those that were read; nil for none.
	also   func(K) (V, bool)
	wanted chan struct{}
	// found is replaced by each reading.
	found atomic.Pointer[found[K, V]]

	mutex sync.Mutex // held for a single access to asked
	// asked are the keys that were unknown since the last reading began.
	asked map[K]struct{}
}

// found is the result of the readings. It is not modified.
type found[K comparable, V any] struct {
	names map[K]V
	// absent are keys that a reading has not found.
	absent map[K]struct{}
}

// newLookup returns a lookup after a first reading, which stop may end.
func newLookup[K comparable, V any](returns bool, stop func() bool, read func(stop func() bool) (map[K]V, bool)) *lookup[K, V] {
	l := &lookup[K, V]{read: read, returns: returns, wanted: make(chan struct{}, 1), asked: make(map[K]struct{})}
	names, _ := read(stop)
	l.found.Store(&found[K, V]{names: names})

	return l
}

// of returns the name of a key, the zero value if there is none, and reports whether that is
// known yet. It never waits for a reading.
func (l *lookup[K, V]) of(key K) (name V, known bool) {
	f := l.found.Load()
	if name, known = l.name(f, key); known {
		return name, true
	}

	_, absent := f.absent[key]
	if absent && !l.returns {
		return name, true
	}

	l.mutex.Lock()
	full := len(l.asked) >= maxUnknown

	if !full {
		l.asked[key] = struct{}{}
	}

	l.mutex.Unlock()

	select {
	case l.wanted <- struct{}{}:
	default:
	}

	return name, absent || full
}

// name returns the name of a key, and reports whether there is one.
func (l *lookup[K, V]) name(f *found[K, V], key K) (name V, exists bool) {
	if name, exists = f.names[key]; exists || l.also == nil {
		return name, exists
	}

	return l.also(key)
}

// run reads in the background, when a key is unknown, until ctx is done. It waits before each
// reading, because the key may become known otherwise, and pauses after it, at least for
// shortest.
func (l *lookup[K, V]) run(ctx context.Context, wait, shortest time.Duration) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.wanted:
		}

		pause(ctx, wait)

		began := time.Now()
		if l.update(ctx) {
			pause(ctx, min(max(pauseFactor*time.Since(began), shortest), longestPause))
		}
	}
}

// pause waits for a time, or until ctx is done.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// update reads if a key is still unknown, and reports whether it did.
func (l *lookup[K, V]) update(ctx context.Context) bool {
	before := l.found.Load()

	l.mutex.Lock()
	absent := l.asked
	l.asked = make(map[K]struct{})
	l.mutex.Unlock()

	maps.DeleteFunc(absent, func(key K, _ struct{}) bool {
		_, exists := l.name(before, key)
		_, gone := before.absent[key]

		return exists || gone && !l.returns
	})

	if len(absent) == 0 {
		return false
	}

	names, complete := l.read(func() bool { return ctx.Err() != nil })
	if !complete {
		return false
	}

	if len(before.absent) < maxUnknown {
		maps.Copy(absent, before.absent)
	}

	maps.DeleteFunc(absent, func(key K, _ struct{}) bool { _, exists := names[key]; return exists })
	l.found.Store(&found[K, V]{names, absent})

	return true
}
