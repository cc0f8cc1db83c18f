package netlab

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"golang.org/x/sys/unix"
)

// ending is the way in which a function came to its end.
type ending struct {
	returned bool   // The function returned. Otherwise it panicked, or called runtime.Goexit as t.FailNow does.
	panicked any    // What it panicked with, or nil.
	stack    []byte // Where it panicked.
}

// onThread runs f on a thread that nothing else uses, before or after, and waits for it. Whatever f does to its thread
// therefore dies with it. A panic or a runtime.Goexit in f carries on in the caller.
func onThread(f func()) {
	ended := make(chan ending, 1)
	go ownThread(f, ended)
	switch end := <-ended; {
	case end.panicked != nil:
		panic(fmt.Sprintf("%v\n\non a thread of its own:\n%s", end.panicked, end.stack))
	case !end.returned:
		runtime.Goexit()
	}
}

// ownThread is the goroutine of onThread. It locks its thread and does not unlock it, so the runtime ends the thread
// when the goroutine ends. The main thread alone cannot be ended: on it, ownThread only keeps it busy while another
// goroutine, which hence finds another thread, does the work.
func ownThread(f func(), ended chan<- ending) {
	runtime.LockOSThread()
	if unix.Gettid() == unix.Getpid() {
		onOther := make(chan ending, 1)
		go ownThread(f, onOther)
		ended <- <-onOther
		runtime.UnlockOSThread()
		return
	}
	var end ending
	defer func() {
		if !end.returned {
			end.panicked, end.stack = recover(), debug.Stack()
		}
		ended <- end
	}()
	f()
	end.returned = true
}
