package app

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tcphealth_exporter/hostinfo"
	"tcphealth_exporter/internal/netlab"
)

// TestOwnersLive: metrics and the API name the unit, the pod and the container whose processes
// listen, with the names in the link to the log of a container, or the short id.
func TestOwnersLive(t *testing.T) {
	netlab.RequireRoot(t)
	netlab.RequireTool(t, "iperf3")

	const uid = "12345678_9abc_def0_1234_56789abcdef0"

	id, other := strings.Repeat("0123456789abcdef", 4), strings.Repeat("fedcba9876543210", 4)
	links := t.TempDir()

	if err := os.Symlink("/nowhere", filepath.Join(links, "web-7d4b9c6f5d-x2k9p_shop_nginx-"+id+".log")); err != nil {
		t.Fatal(err)
	}

	pid := os.Getpid()
	config := writeConfig(t, "groups: {by: [local_port, namespace, workload, unit]}\n")

	for _, tc := range []struct{ cgroup, labels, group, member, value string }{
		{
			fmt.Sprintf("tcphealth-test-%d.service", pid),
			`container="",container_id="",local_address="%s",local_port="5201",namespace="",pod="",pod_uid="",`,
			fmt.Sprintf(`status="HEALTHY",unit="tcphealth-test-%d.service"`, pid),
			"unit", fmt.Sprintf("tcphealth-test-%d.service", pid),
		},
		{
			fmt.Sprintf("tcphealth-test-%d.slice/kubepods-pod%s.slice/cri-containerd-%s.scope", pid, uid, id),
			`container="nginx",container_id="` + id + `",local_address="%s",local_port="5201",namespace="shop",pod="web-7d4b9c6f5d-x2k9p",`,
			`namespace="shop",status="HEALTHY",workload="web"`,
			"workload", "web",
		},
		{
			fmt.Sprintf("tcphealth-test-%d-docker.slice/docker-%s.scope", pid, other),
			`container="fedcba987654",container_id="` + other + `",local_address="%s",local_port="5201",namespace="",pod="",pod_uid="",`,
			`status="HEALTHY"`,
			"container", "fedcba987654",
		},
	} {
		near, far := netlab.New(t), netlab.New(t)
		link := netlab.Join(t, near, far, 1)
		serveIn(t, near, tc.cgroup)

		p := spawnIn(t, near, "--config.file="+config, "--sampler.interval=50ms", "--sampler.max-cpu=0", "--health.window=1s", "--collector.connections.min-age=0s", "--path.containerlogs="+links)
		p.awaitReady(t)
		far.Dial(t, "tcp4", netip.AddrPortFrom(link.A.IPv4, 5201).String())

		want := "tcphealth_connection_owner_info{" + fmt.Sprintf(tc.labels, link.A.IPv4)
		await(t, "the owner", func() bool { return strings.Contains(p.get(t, "/metrics"), want) })

		await(t, "the group", func() bool {
			return strings.Contains(p.get(t, "/metrics"), `tcphealth_group_connections{local_port="5201",`+tc.group+`} 1`)
		})

		body := p.get(t, connectionsPath+"?filter=sport+%3D+5201")
		if want := fmt.Sprintf(`%q:%q`, tc.member, tc.value); !strings.Contains(body, `"owner":{"kind":`) || !strings.Contains(body, want) {
			t.Errorf("no %s in %s", want, body)
		}
	}
}

// otherMount mounts the cgroup v2 hierarchy at another place for a command, and nothing at the
// usual one.
const otherMount = `set -e
mount --bind "$1" "$2"
mount -t tmpfs none ` + hostinfo.CgroupMount + `
shift 2
exec "$@"`

// TestCgroupfsLive: an exporter in a container finds owners, and cgroups in filters, wherever
// the hierarchy is mounted.
func TestCgroupfsLive(t *testing.T) {
	netlab.RequireRoot(t)
	netlab.RequireTool(t, "iperf3")

	unit := fmt.Sprintf("tcphealth-test-%d.service", os.Getpid())

	for name, below := range map[string]string{"v2": "", "hybrid": "unified"} {
		t.Run(name, func(t *testing.T) {
			near, far := netlab.New(t), netlab.New(t)
			link := netlab.Join(t, near, far, 1)
			serveIn(t, near, unit)

			mount := t.TempDir()
			if err := os.MkdirAll(filepath.Join(mount, below), 0o755); err != nil {
				t.Fatal(err)
			}

			launcher := []string{"unshare", "--mount", "--cgroup", "sh", "-c", otherMount, "sh", cgroupRoot(t), filepath.Join(mount, below)}
			p := spawnBy(t, near, launcher, "--path.cgroupfs="+mount, "--sampler.filter=cgroup = /"+unit)
			p.awaitReady(t)
			far.Dial(t, "tcp4", netip.AddrPortFrom(link.A.IPv4, 5201).String())

			await(t, "the owner", func() bool {
				return strings.Contains(p.get(t, connectionsPath+"?filter=cgroup+%3D+/"+unit), fmt.Sprintf(`"owner":{"kind":"unit","unit":%q}`, unit))
			})
		})
	}
}

// cgroupRoot returns the root of the cgroup v2 hierarchy of this host.
func cgroupRoot(t *testing.T) string {
	t.Helper()

	root, found := hostinfo.CgroupRoot(hostinfo.CgroupMount)
	if !found {
		t.Skip("no cgroup v2 hierarchy")
	}

	return root
}

// serveIn starts a server in a cgroup of its own.
func serveIn(t *testing.T, ns *netlab.Namespace, cgroup string) {
	t.Helper()

	root := cgroupRoot(t)
	dir := filepath.Join(root, cgroup)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() {
		for d := dir; d != root; d = filepath.Dir(d) {
			await(t, "removal of "+d, func() bool {
				err := os.Remove(d)

				return err == nil || errors.Is(err, os.ErrNotExist)
			})
		}
	})

	server := ns.Start(t, "sh", "-c", fmt.Sprintf(`echo $$ >%s/cgroup.procs && exec iperf3 -s --forceflush`, dir))
	t.Cleanup(server.Stop)
	await(t, "the server", func() bool { return strings.Contains(server.Output(), "listening on") })
}
