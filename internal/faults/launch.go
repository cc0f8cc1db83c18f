package faults

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// order is the environment variable that makes a process of the test binary install the
// filter and become the program that its arguments name.
const order = "TCPHEALTH_TEST_FAULTS"

// hook is the file descriptor through which that process passes the listener of its filter.
const hook = 3

// Launch must be called first in TestMain. In a process that [Start] created, it executes
// the program under test and returns only if that fails. In other processes it returns nil.
func Launch() error {
	if os.Getenv(order) == "" {
		return nil
	}

	return become(os.Args[1:])
}

// become installs the filter and executes a program, which inherits the filter.
func become(args []string) error {
	runtime.LockOSThread() // the filter applies to this thread, which must also call execve

	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("set no_new_privs: %w", err)
	}

	if err := os.Unsetenv(order); err != nil {
		return err
	}

	unix.CloseOnExec(hook)

	program := filter()
	prog := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}

	listener, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER,
		unix.SECCOMP_FILTER_FLAG_NEW_LISTENER|unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, uintptr(unsafe.Pointer(&prog)))
	if errno != 0 {
		return fmt.Errorf("install the seccomp filter: %w", errno)
	}

	if err := unix.Sendmsg(hook, []byte{0}, unix.UnixRights(int(listener)), nil, 0); err != nil {
		return fmt.Errorf("send the listener: %w", err)
	}

	return unix.Exec(args[0], args, os.Environ())
}

// filter returns the BPF program that notifies the test of the calls in the table and
// allows all others.
func filter() []unix.SockFilter {
	program := []unix.SockFilter{{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}} // the number of the call

	for number := range calls() {
		program = append(program,
			unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 1, K: uint32(number)},
			unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_USER_NOTIF})
	}

	return append(program, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW})
}

// Start starts the command with its system calls controlled by the injector.
// cmd.ExtraFiles must be empty.
func Start(cmd *exec.Cmd, in *Injector) error {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}

	theirs := os.NewFile(uintptr(pair[1]), "hook")

	self, err := os.Executable()
	if err != nil {
		return errors.Join(err, unix.Close(pair[0]), theirs.Close())
	}

	cmd.Args = append([]string{self, cmd.Path}, cmd.Args[1:]...)
	cmd.Path = self
	cmd.Env = append(cmd.Environ(), order+"=1")
	cmd.ExtraFiles = append(cmd.ExtraFiles, theirs)

	err = errors.Join(cmd.Start(), theirs.Close())
	if err == nil {
		in.calls = calls()
		in.listener, err = receive(pair[0])
	}

	if err = errors.Join(err, unix.Close(pair[0])); err != nil {
		return err
	}

	go in.run()

	return nil
}

// receive receives a file descriptor.
func receive(socket int) (int, error) {
	space := make([]byte, unix.CmsgSpace(4))

	_, n, _, _, err := unix.Recvmsg(socket, make([]byte, 1), space, unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		return 0, err
	}

	messages, err := unix.ParseSocketControlMessage(space[:n])
	if err != nil {
		return 0, err
	}

	if len(messages) != 1 {
		return 0, errors.New("the filter was not installed")
	}

	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil {
		return 0, err
	}

	return fds[0], nil
}
