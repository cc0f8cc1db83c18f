package bytecode

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// badInputs are filters with a mistake each.
var badInputs = []string{
	"sport = htpp",
	"sport",
	"sport =",
	"sport = and dport = 80",
	"sport = 70000",
	"sport = 80,",
	"sport = ,80",
	"sport = 80,,90",
	"sport = 80, ,90",
	"sport = 80-",
	"sport = 90-80",
	"sport = 80-70000",
	"sport = 70000-80000",
	"sport = -80",
	"sport = 80-90-100",
	"sport = 0x50",
	"sport = :",
	"sport > 80,90",
	"sport < 80-90",
	"sport >= *",
	"sport =! 80",
	"sport = = 80",
	"(sport = 80",
	"sport = 80)",
	"()",
	"and sport = 80",
	"sport = 80 or",
	"sport = 80 not",
	"not",
	"port = 80",
	"state established",
	"80",
	"src",
	"src = localhost",
	"src = localhost:80",
	"src < 10.0.0.1",
	"src 10.0.0.256",
	"src 10/8",
	"src 10.0.0.0/33",
	"src 10.0.0.0/",
	"src 10.0.0.1:http:80",
	"src 10.0.0.1:htpp",
	"src 10.0.0.1:",
	"src [::1",
	"src [::1]80",
	"src [::1]/129:80",
	"src [::1/64]/64:80",
	"src [10.0.0.1]:80",
	"src fe80::1%eth0",
	"src ::/129",
	"src inet:",
	"src inet:::1",
	"src inet6:10.0.0.1",
	"src unix:/run/socket",
	"src vsock:3:80",
	"src 10.0.0.1,",
	"dst 10.0.0.1,10.0.0.2:80",
	"dst 10.0.0.1:80,10.0.0.2",
	"dst */8",
	"dev",
	"dev eth9",
	"dev < 3",
	"dev 4294967296",
	"fwmark",
	"fwmark red",
	"fwmark 0x1/",
	"fwmark 0b1",
	"fwmark 1_0",
	"fwmark 0x100000000",
	"fwmark 0x11/0x10",
	"cgroup /nowhere",
	"cgroup = = /",
	"autobound = 1",
	"sport = 80 and\n  (dport = 22 or\n\tdport = shh)",
	"src = übel or sport = 1",
	"(sport = 1 or ö) ",
	"sport = \"80\"",
	"sport = 1 and\x00",
	"sport = 1 # done\n& # nothing",
	strings.Repeat("sport = 80 or ", 20) + "sport = oops or " + strings.Repeat("sport = 80 or ", 20) + "sport = 1",
	strings.Repeat("(", MaxDepth+1) + "sport = 1",
	"sport = " + strings.Repeat("x", 100),
	`dev trailing\`,
}

func TestSyntaxErrorGolden(t *testing.T) {
	var b strings.Builder

	for _, src := range badInputs {
		_, err := Parse(src, testEnv)

		var e *SyntaxError
		if !errors.As(err, &e) {
			t.Fatalf("%q: %v", src, err)
		}

		checkSyntaxError(t, src, err)
		fmt.Fprintf(&b, "%s\n%s\n", err, e.Show())
	}

	compareGolden(t, "testdata/syntax_errors.golden", b.String())
}

// compareGolden holds a text against a golden file, or rewrites that.
func compareGolden(t *testing.T, path, got string) {
	t.Helper()

	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}

	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}

	if got != string(want) {
		t.Errorf("%s is not what is said now; look at the difference after make golden", path)
	}
}
