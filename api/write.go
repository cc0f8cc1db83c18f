package api

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	v1 "tcphealth_exporter/api/v1"
	"tcphealth_exporter/health"
	"tcphealth_exporter/sampler"
)

// Why the process of a socket is unknown.
var (
	errNoProcesses = errors.New("processes are unknown in a replay")
	errNoFile      = errors.New("no process has the socket open, or its cgroup is unknown")
)

// failure is an error answer.
type failure struct {
	status int
	text   string
}

func failed(status int, format string, args ...any) *failure {
	return &failure{status, fmt.Sprintf(format, args...)}
}

// writeFailure writes a failure as JSON. Clients may retry what fails for lack of time.
func writeFailure(w http.ResponseWriter, f *failure) {
	if f.status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}

	w.WriteHeader(f.status)

	_ = newEncoder(w).Encode(v1.Error{Error: f.text})
}

// writeAnswer writes an answer as a [v1.ConnectionList], each connection on a line of its
// own, with its process if that is wanted. It stops when the client disconnects.
func writeAnswer(w http.ResponseWriter, a *health.Answer, cfg *Config, process bool) {
	out := bufio.NewWriter(w)
	defer func() { _ = out.Flush() }()

	_, _ = fmt.Fprintf(out, `{"sampled_at":%q,"total":%d,"truncated":%t,"connections":[`,
		timeOf(a.SampledAt), a.Total, a.Total > len(a.Found))

	var (
		line       bytes.Buffer
		connection v1.Connection
	)

	encoder := newEncoder(&line)

	for i, f := range a.Found {
		separator := "\n"
		if i > 0 {
			separator = ",\n"
		}

		line.Reset()
		line.WriteString(separator)

		connection = newConnection(f, &a.Kernel)
		cgroup := cmp.Or(f.Cgroup, f.Row.CgroupID)

		if cfg.Owner != nil {
			connection.Owner = cfg.Owner(cgroup)
		}

		cfg.setUserID(connection.Socket, &f.Row)

		if process {
			cfg.setProcess(&connection, f.Row.Inode, cgroup)
		}

		if err := encoder.Encode(&connection); err != nil {
			return
		}

		if _, err := out.Write(bytes.TrimSuffix(line.Bytes(), []byte("\n"))); err != nil {
			return
		}
	}

	_, _ = out.WriteString("\n]}\n")
}

// setUserID sets the user id of a socket, unless it is unknown. The socket is nil for a
// connection that was not read.
func (cfg *Config) setUserID(socket *v1.Socket, row *sampler.Socket) {
	uid, known := row.UID, true
	if cfg.UserID != nil {
		uid, known = cfg.UserID(row)
	}

	if socket != nil && known {
		socket.UID = &uid
	}
}

// setProcess sets the process that has the socket open, or why it is unknown.
func (cfg *Config) setProcess(c *v1.Connection, inode uint32, cgroup uint64) {
	var err error

	switch {
	case cfg.Process == nil:
		err = errNoProcesses
	case inode == 0 || cgroup == 0:
		err = errNoFile
	default:
		c.Process, err = cfg.Process(inode, cgroup)
	}

	if err != nil {
		c.Process, c.ProcessError = nil, err.Error()
	}
}

// newEncoder returns an encoder that does not escape <, > and &, since the JSON is never
// part of HTML.
func newEncoder(w io.Writer) *json.Encoder {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)

	return e
}
