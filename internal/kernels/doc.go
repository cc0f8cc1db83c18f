// Command kernels runs a command on another Linux kernel: in a virtual machine that lasts as long as the command. It is
// made for go test, which hands it the tests' binary:
//
//	go test -exec 'kernels -kernel DIR' ./sampler
//
// DIR is a kernel as the script fetch in this directory leaves it. The machine is one of QEMU's, emulated in software
// unless -accel says otherwise. The command's output and exit status become those of this program.
//
// # What the command sees
//
// It runs as root, in the same directory, with the same environment and on the same files: the machine's file system is
// the host's, read through 9p with the rights of the user who started the machine. What the command writes goes to
// memory and is gone when the machine is, except below the directories named by -write, which are those of the host.
// Network interfaces and processes are the machine's own, and modules of its kernel are loaded when they are asked for.
//
// # How it starts
//
// The kernel's initramfs holds this very program as /init, the modules that it takes to reach the host's file system,
// and a [job] that says what to do then. The command's output comes back through a virtio port, its exit status in a
// file of a directory shared with the host, so a machine that dies without a status is distinguished from a failing test.
package main
