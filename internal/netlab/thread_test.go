package netlab

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestOnThreadIsNeverTheMainThread(t *testing.T) {
	for range 100 {
		var thread int
		onThread(func() { thread = unix.Gettid() })
		if thread == unix.Getpid() {
			t.Fatal("ran on the main thread, which the runtime cannot end")
		}
	}
}

func TestOnThreadUsesAThreadOnce(t *testing.T) {
	threads := make(chan int, 8)
	together := make(chan struct{})
	for range cap(threads) {
		go onThread(func() {
			threads <- unix.Gettid()
			<-together
		})
	}
	var seen []int
	for range cap(threads) {
		thread := <-threads
		if slices.Contains(seen, thread) {
			t.Errorf("two functions share the thread %d", thread)
		}
		seen = append(seen, thread)
	}
	close(together)
}

func TestOnThreadCarriesPanicOn(t *testing.T) {
	defer func() {
		got := fmt.Sprint(recover())
		if !strings.HasPrefix(got, "so be it\n") || !strings.Contains(got, "thread_test.go") {
			t.Errorf("recovered %q, want the value and the place of the panic", got)
		}
	}()
	onThread(func() { panic("so be it") })
}

func TestOnThreadCarriesGoexitOn(t *testing.T) {
	done := make(chan bool)
	go func() {
		passed := false
		defer func() { done <- passed }()
		onThread(runtime.Goexit)
		passed = true
	}()
	if <-done {
		t.Error("the caller went on after its function had ended the goroutine")
	}
}
