package main

import "strconv"

// The files of the initramfs.
const (
	initPath  = "/init"
	jobPath   = "/job.json"
	moduleDir = "/modules"
)

// rootTag is the tag by which the machine asks for the file system of the host.
const rootTag = "root"

// writeTag is the tag of the i-th writable directory.
func writeTag(i int) string {
	return "write" + strconv.Itoa(i)
}

// job is what the machine is to do.
type job struct {
	Load     []string // Files of modules in the initramfs, in the order in which they are loaded.
	Modules  string   // Becomes /lib/modules: a directory of the host.
	Writable []string // Directories of the host that the command may write to.

	Args []string // The command and its arguments.
	Dir  string   // Where it runs.
	Env  []string // Its environment.

	Status string // The file to which its exit status is written, in one of Writable.
}
