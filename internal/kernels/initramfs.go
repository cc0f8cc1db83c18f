package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// createInitramfs makes the file of an initramfs, with the running program in it.
func createInitramfs(path string, k kernel, j job) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(writeInitramfs(file, self, k, j), file.Close())
}

// writeInitramfs writes an initramfs in which self, the file of this program, loads the modules of the kernel that the
// host's files need and does the job. It fills in the job's modules.
func writeInitramfs(w io.Writer, self string, k kernel, j job) error {
	program, err := os.ReadFile(self)
	if err != nil {
		return err
	}
	files, err := k.load(bootModuleTable)
	if err != nil {
		return fmt.Errorf("finding the modules of %s: %w", k.release, err)
	}

	a := &archive{w: w}
	a.directory(inArchive(rootDir))
	a.directory(inArchive(moduleDir))
	for _, file := range files {
		content, err := os.ReadFile(filepath.Join(k.modules, file))
		if err != nil {
			return err
		}
		at := filepath.Join(moduleDir, filepath.Base(file))
		a.file(inArchive(at), 0o644, content)
		j.Load = append(j.Load, at)
	}
	text, err := json.Marshal(j)
	if err != nil {
		return err
	}
	a.file(inArchive(jobPath), 0o644, text)
	a.file(inArchive(initPath), 0o755, program)
	return a.close()
}

// inArchive is the name in an archive of the file that will have the absolute path.
func inArchive(path string) string {
	return strings.TrimPrefix(path, "/")
}

// readJob reads the job from the initramfs.
func readJob() (j job, err error) {
	text, err := os.ReadFile(jobPath)
	if err != nil {
		return job{}, err
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	return j, decoder.Decode(&j)
}
