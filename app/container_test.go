package app

import (
	"os/exec"
	"strings"
	"testing"

	"tcphealth_exporter/internal/netlab"
)

// emptyRoot runs a program as an unprivileged user in a read-only root that contains only
// the program and /proc, as deploy/Dockerfile does.
const emptyRoot = `set -e
mount -t tmpfs none "$1"
mkdir "$1/bin" "$1/proc"
cp "$2" "$1/bin/exporter"
mount -t proc proc "$1/proc"
mount -o remount,ro "$1"
root=$1
shift 2
exec setpriv --no-new-privs --bounding-set=-all,+setuid,+setgid,+sys_chroot chroot --userspec=65534:65534 "$root" /bin/exporter "$@"`

// TestInAnEmptyRoot runs the program as in a container without a base image.
func TestInAnEmptyRoot(t *testing.T) {
	netlab.RequireRoot(t)

	p := spawn(t, func(cmd *exec.Cmd) {
		wrapped := exec.Command("unshare", append([]string{"--mount", "sh", "-c", emptyRoot, "sh", t.TempDir()}, cmd.Args...)...)
		cmd.Path, cmd.Args, cmd.Err = wrapped.Path, wrapped.Args, wrapped.Err
	})
	p.awaitReady(t)

	body := p.get(t, "/metrics")
	for _, series := range []string{"tcphealth_tracker_connections ", "tcphealth_kernel_active_opens_total ", "process_start_time_seconds "} {
		if !strings.Contains(body, "\n"+series) {
			t.Errorf("no %s", series)
		}
	}
}
