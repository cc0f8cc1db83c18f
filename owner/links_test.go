package owner

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestParseLink(t *testing.T) {
	for link, want := range map[string]Names{
		"web-7d4b9c6f5d-x2k9p_shop_nginx-" + id1 + ".log": {"shop", "web-7d4b9c6f5d-x2k9p", "nginx"},
		"etcd-node1_kube-system_etcd-" + id1 + ".log":     {"kube-system", "etcd-node1", "etcd"},
		"db-0.internal_prod_side-car-" + id1 + ".log":     {"prod", "db-0.internal", "side-car"},
		"web_shop_nginx-" + id1:                           {},
		"web_shop_nginx-" + id1[:63] + ".log":             {},
		"web_shop_nginx" + id1 + ".log":                   {},
		"web_shop-" + id1 + ".log":                        {},
		"web_shop_nginx_more-" + id1 + ".log":             {},
		"_shop_nginx-" + id1 + ".log":                     {},
		"web_shop_nginx-" + strings.ToUpper(id1) + ".log": {},
		id1 + ".log":       {},
		"-" + id1 + ".log": {},
		".log":             {},
		strings.Repeat("w", 120) + "_" + strings.Repeat("s", 135): {},
	} {
		id, got, ok := ParseLink(link)
		if got != want || ok != (want != Names{}) || ok && id != id1 {
			t.Errorf("%s: %q, %+v, %t", link, id, got, ok)
		}
	}
}

func TestWorkload(t *testing.T) {
	for pod, want := range map[string]string{
		"web-7d4b9c6f5d-x2k9p":        "web",                  // Deployment
		"my-web-app-6c8d7f9b48-zq4rt": "my-web-app",           // Deployment
		"web-5d9f8b7-x2k9p":           "web",                  // Deployment with a short hash
		"web-x2k9p":                   "web",                  // ReplicaSet or DaemonSet
		"node-exporter-x2k9p":         "node-exporter",        // DaemonSet
		"db-0":                        "db",                   // StatefulSet
		"my-db-12":                    "my-db",                // StatefulSet
		"backup-x2k9p":                "backup",               // Job
		"backup-29401620-x2k9p":       "backup",               // CronJob
		"train-3-x2k9p":               "train",                // indexed Job
		"kube-apiserver-node1":        "kube-apiserver-node1", // static pod: the node may have any name
		"standalone":                  "standalone",
		"a":                           "a",
		"":                            "",
		"-x2k9p":                      "-x2k9p",
		"7d4b9c6f5d-x2k9p":            "7d4b9c6f5d",
	} {
		n := Names{Pod: pod}
		if got := n.Workload(); got != want {
			t.Errorf("%q: %q, want %q", pod, got, want)
		}
	}
}

// TestOwners: names come from the links, when there is one.
func TestOwners(t *testing.T) {
	root, links := t.TempDir(), t.TempDir()
	scope := filepath.Join("kubepods.slice", "kubepods-pod"+uidUnderscores+".slice", "cri-containerd-"+id1+".scope")

	for _, dir := range []string{scope, "system.slice/nginx.service"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}

	owners := NewOwners(NewCgroups(root), Paths{Links: links, Root: t.TempDir(), Proc: "/proc"})
	of := func(path string) *Owner {
		t.Helper()

		found, _ := owners.Of((&hierarchy{t, root}).inode(filepath.Join(root, path)))

		return found
	}

	unit := of("system.slice/nginx.service")
	if unit == nil || *unit != (Owner{Unit: "nginx.service"}) || of("system.slice/nginx.service") != unit {
		t.Errorf("a unit: %+v", unit)
	}

	if got := of("."); got != nil {
		t.Errorf("the root: %+v", got)
	}

	if got, final := owners.Of(0); got != nil || !final {
		t.Errorf("no cgroup: %+v, final %v", got, final)
	}

	want := Owner{PodUID: uid, ContainerID: id1, Runtime: "containerd"}

	for _, final := range []bool{false, true} {
		if got, known := owners.Of((&hierarchy{t, root}).inode(filepath.Join(root, scope))); got == nil || *got != want || known != final {
			t.Errorf("a container without a link: %+v, final %v", got, known)
		}

		owners.links.update(t.Context())
	}

	link := filepath.Join(links, "web-7d4b9c6f5d-x2k9p_shop_nginx-"+id1+".log")
	if err := os.Symlink("/nowhere", link); err != nil {
		t.Fatal(err)
	}

	if got := of(scope); *got != want {
		t.Errorf("the directory was read by a look-up: %+v", got)
	}

	want.Namespace, want.Workload, want.Pod, want.Container = "shop", "web", "web-7d4b9c6f5d-x2k9p", "nginx"

	if owners.links.update(t.Context()); *of(scope) != want {
		t.Errorf("with a link: %+v", of(scope))
	}

	if named := of(scope); of(scope) != named {
		t.Error("another owner although nothing new is known")
	}
}

// FuzzParseLink: names that are found can be joined again.
func FuzzParseLink(f *testing.F) {
	f.Add("web-7d4b9c6f5d-x2k9p_shop_nginx-" + id1 + ".log")
	f.Add("_-" + id1 + ".log")

	f.Fuzz(func(t *testing.T, link string) {
		id, n, ok := ParseLink(link)
		if ok && n.Pod+"_"+n.Namespace+"_"+n.Container+"-"+id+".log" != link {
			t.Errorf("%q: %q, %+v", link, id, n)
		}

		if workload := n.Workload(); !strings.HasPrefix(n.Pod, workload) || n.Pod != "" && workload == "" {
			t.Errorf("workload %q of the pod %q", workload, n.Pod)
		}
	})
}
