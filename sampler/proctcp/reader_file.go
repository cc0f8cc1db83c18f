package proctcp

import (
	"bytes"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"tcphealth_exporter/sampler"
)

// bufferSize is more than the kernel writes at once, which is a page.
const bufferSize = 16 << 10

// read passes the sockets of a file that take accepts to sink, and counts them in d. The
// file is open only meanwhile, because it keeps the namespace alive. A kernel without IPv6
// has no tcp6.
func (r *Reader) read(name string, d *sampler.Dump, take func(*sampler.Socket) bool, sink sampler.Sink) error {
	fd, err := unix.Openat(r.fd, name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOENT) && name == "tcp6" && r.exists("tcp") {
		return nil
	}

	if err != nil {
		return r.failed("open", name, err)
	}

	err = r.pages(fd, name, d, take, sink)

	return errors.Join(err, unix.Close(fd))
}

func (r *Reader) exists(name string) bool {
	var stat unix.Stat_t

	return unix.Fstatat(r.fd, name, &stat, 0) == nil
}

// inPlace returns an error if the directory is that of another network namespace now.
func (r *Reader) inPlace() error {
	if r.cfg.Inode == 0 {
		return nil
	}

	var stat unix.Stat_t

	err := unix.Fstatat(r.fd, "tcp", &stat, 0)
	if err == nil && stat.Ino != r.cfg.Inode {
		err = unix.ESTALE
	}

	if err != nil {
		return r.failed("stat", "tcp", err)
	}

	return nil
}

// empty reports whether a file of counts says that there is no socket to read.
func (r *Reader) empty(counts string) bool {
	fd, err := unix.Openat(r.fd, counts, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}

	size, err := readOnce(fd, r.buf)
	n, ok := InUse(r.buf[:size])

	return errors.Join(err, unix.Close(fd)) == nil && ok && n == 0
}

func (r *Reader) failed(op, name string, err error) error {
	return &fs.PathError{Op: op, Path: filepath.Join(r.dir, name), Err: err}
}

// pages reads a file to its end. What follows the last line feed of a read is the start of
// the next one.
func (r *Reader) pages(fd int, name string, d *sampler.Dump, take func(*sampler.Socket) bool, sink sampler.Sink) error {
	heading, rest := true, 0

	for {
		asked := time.Now()

		n, err := readOnce(fd, r.buf[rest:])
		if err != nil {
			return r.failed("read", name, err)
		}

		at := time.Now()
		d.Kernel += at.Sub(asked)
		text := r.buf[:rest+n]

		if n == 0 { // the end, or a row that does not fit into the buffer
			return r.ended(name, text, heading)
		}

		d.Datagrams++
		d.Bytes += n

		if heading {
			if _, rows, found := bytes.Cut(text, []byte("\n")); found {
				text, heading = rows, false
			}
		}

		text, err = r.rows(text, take)
		if err != nil {
			return r.failed("read", name, err)
		}

		rest = copy(r.buf, text)
		d.Sockets += len(r.batch)

		if len(r.batch) > 0 {
			sink(at, r.batch)
		}
	}
}

// ended checks that a file ends after its heading, with a line feed.
func (r *Reader) ended(name string, text []byte, heading bool) error {
	if len(text) > 0 || heading {
		return r.failed("read", name, malformed{string(text)})
	}

	return nil
}

// rows parses the complete rows of a text into the batch, and returns what follows them.
func (r *Reader) rows(text []byte, take func(*sampler.Socket) bool) ([]byte, error) {
	const states = sampler.ConnectionStates | sampler.ListenStates

	r.batch = r.batch[:0]

	for {
		row, rest, found := bytes.Cut(text, []byte("\n"))
		if !found {
			return text, nil
		}

		text = rest
		n := len(r.batch)
		r.batch = slices.Grow(r.batch, 1)[:n+1]
		s := &r.batch[n]

		full, err := parse(s, row)
		if err != nil {
			return nil, err
		}

		s.Space = r.cfg.Space

		if !full || !states.Has(s.State) || !take(s) {
			r.batch = r.batch[:n]
		}
	}
}

// readOnce makes one read(2).
func readOnce(fd int, buf []byte) (int, error) {
	for {
		n, err := unix.Read(fd, buf)
		if !errors.Is(err, unix.EINTR) {
			return n, err
		}
	}
}
