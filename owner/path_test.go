package owner

import (
	"strings"
	"testing"
	"unicode/utf8"
)

const (
	id1 = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	id2 = "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"
	uid = "12345678-9abc-def0-1234-56789abcdef0"
	// uidUnderscores is the form in names of slices.
	uidUnderscores = "12345678_9abc_def0_1234_56789abcdef0"
	staticUID      = "0123456789abcdef0123456789abcdef"
)

func TestOfPath(t *testing.T) {
	container := func(runtime string) Owner { return Owner{ContainerID: id1, Runtime: runtime} }
	pod := func(runtime string) Owner { return Owner{PodUID: uid, ContainerID: id1, Runtime: runtime} }
	unit := func(name string) Owner { return Owner{Unit: name} }

	for _, tc := range []struct {
		path string
		want Owner
	}{
		// The root cgroup and PID 1.
		{"", Owner{}},
		{"/", Owner{}},
		{"/init.scope", unit("init.scope")},

		// Units of the system, and of users.
		{"/system.slice/nginx.service", unit("nginx.service")},
		{"/system.slice/cups.socket", unit("cups.socket")},
		{"/system.slice/a\xffb.service", unit("a\uFFFDb.service")},
		{`/system.slice/a\x00b\xff.service`, unit("a\uFFFDb\uFFFD.service")},
		{"/system.slice/system-getty.slice/getty@tty1.service", unit("getty@tty1.service")},
		{`/system.slice/system-postgresql.slice/postgresql@15\x2dmain.service`, unit("postgresql@15-main.service")},
		{"/system.slice/mysql.service/worker", unit("mysql.service")},
		{"/system.slice/docker.service", unit("docker.service")},
		{"/user.slice/user-1000.slice/session-3.scope", unit("session-3.scope")},
		{"/user.slice/user-1000.slice/user@1000.service", unit("user@1000.service")},
		{"/user.slice/user-1000.slice/user@1000.service/app.slice/syncthing.service", unit("syncthing.service")},
		{"/user.slice/user-1000.slice/user@1000.service/init.scope", unit("init.scope")},
		{"/../../system.slice/sshd.service", unit("sshd.service")},
		{"/nomad.slice/share.slice/1a2b3c4d-0000-1111-2222-333344445555.web.scope", unit("1a2b3c4d-0000-1111-2222-333344445555.web.scope")},

		// Containers without Kubernetes.
		{"/system.slice/docker-" + id1 + ".scope", container("docker")},
		{"/docker/" + id1, container("docker")},
		{"/docker/" + id1 + "/init.scope", container("docker")},
		{"/docker/" + id1 + "/system.slice/nginx.service", container("docker")},
		{"/user.slice/user-1000.slice/user@1000.service/user.slice/docker-" + id1 + ".scope", container("docker")},
		{"/machine.slice/libpod-" + id1 + ".scope", container("libpod")},
		{"/machine.slice/libpod-" + id1 + ".scope/container", container("libpod")},
		{"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" + id1 + ".scope/container", container("libpod")},
		{"/machine.slice/machine-libpod_pod_" + id2 + ".slice/libpod-" + id1 + ".scope", container("libpod")},
		{"/libpod_parent/libpod-" + id1, container("libpod")},
		{"/machine.slice/libpod-conmon-" + id1 + ".scope", unit("libpod-conmon-" + id1 + ".scope")},
		{"/system.slice/containerd.service/" + id1, container("containerd")},
		{"/ecs/0123456789abcdef0123456789abcdef/" + id1, container("")},
		{"/actions_job/" + id1, container("")},
		{"/../../" + id1, container("")},
		{"/default/web", Owner{Container: "web", Runtime: "containerd"}},
		{"/lxc/web", Owner{Container: "web", Runtime: "lxc"}},
		{"/lxc/web/system.slice/nginx.service", Owner{Container: "web", Runtime: "lxc"}},
		{"/lxc.payload.web", Owner{Container: "web", Runtime: "lxc"}},
		{"/lxc.payload.web/system.slice/nginx.service", Owner{Container: "web", Runtime: "lxc"}},
		{"/machine.slice/systemd-nspawn@web.service", Owner{Container: "web", Runtime: "nspawn"}},
		{"/machine.slice/systemd-nspawn@web.service/payload/system.slice/nginx.service", Owner{Container: "web", Runtime: "nspawn"}},
		{"/machine.slice/machine-web.scope/payload", Owner{Container: "web"}},
		{`/machine.slice/machine-qemu\x2d1\x2dvm.scope/libvirt/emulator`, Owner{Container: "qemu-1-vm"}},

		// Pods of Kubernetes: of each runtime, quality of service and cgroup driver.
		{"/kubepods.slice/kubepods-pod" + uidUnderscores + ".slice/cri-containerd-" + id1 + ".scope", pod("containerd")},
		{"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" + uidUnderscores + ".slice/cri-containerd-" + id1 + ".scope", pod("containerd")},
		{"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" + uidUnderscores + ".slice/crio-" + id1 + ".scope", pod("crio")},
		{"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" + uidUnderscores + ".slice/crio-" + id1 + ".scope/container", pod("crio")},
		{"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" + uidUnderscores + ".slice/crio-conmon-" + id1 + ".scope", Owner{PodUID: uid}},
		{"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" + uidUnderscores + ".slice/docker-" + id1 + ".scope", pod("docker")},
		{"/kubepods/pod" + uid + "/" + id1, pod("")},
		{"/kubepods/burstable/pod" + uid + "/" + id1, pod("")},
		{"/kubepods/besteffort/pod" + uid + "/crio-" + id1, pod("crio")},
		{"/kubepods/besteffort/pod" + uid, Owner{PodUID: uid}},
		{"/kubepods/burstable/pod" + staticUID + "/" + id1, Owner{PodUID: staticUID, ContainerID: id1}},
		{"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" + staticUID + ".slice/cri-containerd-" + id1 + ".scope", Owner{PodUID: staticUID, ContainerID: id1, Runtime: "containerd"}},
		{"/system.slice/containerd.service/kubepods-burstable-pod" + uidUnderscores + ".slice:cri-containerd:" + id1, pod("containerd")},
		{"/../../kubepods-burstable-pod" + uidUnderscores + ".slice/cri-containerd-" + id1 + ".scope", pod("containerd")},
		{"/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod" + uidUnderscores + ".slice/cri-containerd-" + id1 + ".scope", pod("containerd")},

		// A node that is a container.
		{"/docker/" + id2 + "/kubelet/kubepods/burstable/pod" + uid + "/" + id1, pod("")},
		{"/system.slice/docker-" + id2 + ".scope/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod" + uidUnderscores + ".slice/cri-containerd-" + id1 + ".scope", pod("containerd")},

		// Paths that resemble those of pods and containers.
		{"/system.slice/podman.service", unit("podman.service")},
		{"/system.slice/pod-" + uid + ".service", unit("pod-" + uid + ".service")},
		{"/system.slice/" + id1[:63] + ".scope", unit(id1[:63] + ".scope")},
		{"/system.slice/" + id1 + "0.scope", unit(id1 + "0.scope")},
		{"/default", Owner{}},
		{"/default/web/worker", Owner{Container: "web", Runtime: "containerd"}},
	} {
		if got := OfPath(tc.path); got != tc.want {
			t.Errorf("%s:\n%+v, want\n%+v", tc.path, got, tc.want)
		}
	}
}

func TestKinds(t *testing.T) {
	for want, o := range map[string]Owner{
		"": {}, "unit": {Unit: "a.service"}, "container": {Container: "a"}, "pod": {PodUID: uid, ContainerID: id1},
	} {
		if got := o.Kind().String(); got != want {
			t.Errorf("%+v: %q, want %q", o, got, want)
		}
	}
}

// FuzzOfPath: for any path, ids are well-formed, and an owner with a unit is neither a
// container nor a pod.
func FuzzOfPath(f *testing.F) {
	for _, path := range []string{
		"/", "/a.service", "/docker/" + id1, "/kubepods/pod" + uid + "/crio-conmon-" + id1, `/machine-\x2d\x80.scope`, "/default/x", "//lxc//", "/lxc/",
		"/user@1.service/b:c.socket", "pod" + uid,
	} {
		f.Add(path)
	}

	f.Fuzz(func(t *testing.T, path string) {
		o := OfPath(path)

		if o.ContainerID != "" && (len(o.ContainerID) != 64 || !strings.Contains(path, o.ContainerID)) {
			t.Errorf("container id %q", o.ContainerID)
		}

		if n := len(o.PodUID); n != 0 && n != 32 && n != 36 || strings.Contains(o.PodUID, "_") {
			t.Errorf("pod UID %q", o.PodUID)
		}

		if o.Unit != "" && o.Kind() != KindUnit {
			t.Errorf("unit set for a container or pod: %+v", o)
		}

		if name := o.Unit + o.Container; !utf8.ValidString(name) || strings.Contains(name, "\x00") {
			t.Errorf("not printable: %+v", o)
		}
	})
}
