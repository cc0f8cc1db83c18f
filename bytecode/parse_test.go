package bytecode

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// parseCases are filters, their canonical form, and that of the simplified filter
// where it is another.
var parseCases = []struct{ src, canonical, simple string }{
	{"", "", ""},
	{" \t\n# nothing", "", ""},
	{"sport = 80", "sport = 80", ""},
	{"sport 80", "sport = 80", ""},
	{"sport=80", "sport = 80", ""},
	{"sport == :80", "sport = 80", ""},
	{"sport eq http", "sport = 80", ""},
	{"sport = http-alt", "sport = 8080", ""},
	{"sport = 3com", "sport = 1", ""},
	{"sport = 443,80", "sport = 80,443", ""},
	{"sport = 80, 443 , 8000-8100", "sport = 80,443,8000-8100", ""},
	{"sport = 1-5,3-9,10", "sport = 1-10", ""},
	{"sport != 22", "sport != 22", ""},
	{"sport ne 22,80-90", "sport != 22,80-90", ""},
	{"not sport = 22", "sport != 22", ""},
	{"! sport != 22", "sport = 22", ""},
	{"sport > 1023", "sport >= 1024", ""},
	{"sport lt 1024", "sport <= 1023", ""},
	{"sport geq 1024", "sport >= 1024", ""},
	{"sport leq 0", "sport = 0", ""},
	{"sport >= 65535", "sport = 65535", ""},
	{"sport >= 0", "sport = *", ""},
	{"sport < 0", "sport != *", ""},
	{"sport > 65535", "sport != *", ""},
	{"sport = *", "sport = *", ""},
	{"sport != *", "sport != *", ""},
	{"sport = 0-9,20-65535", "sport != 10-19", ""},
	{"src 10.0.0.1", "src = 10.0.0.1", ""},
	{"src = 10.1.2.3/8", "src = 10.0.0.0/8", ""},
	{"dst == 10.0.0.1/32:http", "dst = 10.0.0.1:80", ""},
	{"dst 10.0.0.0/8:80,90-99", "dst = 10.0.0.0/8:80,90-99", ""},
	{"dst != 10.0.0.1:80", "dst != 10.0.0.1:80", ""},
	{"not dst 10.0.0.1", "dst != 10.0.0.1", ""},
	{"src *", "sport = *", ""},
	{"src *:80", "sport = 80", ""},
	{"src :80", "sport = 80", ""},
	{"src 10.0.0.1:*", "src = 10.0.0.1", ""},
	{"src ::1", "src = ::1", ""},
	{"src ::", "src = ::", ""},
	{"src ::/0", "src = ::/0", ""},
	{"src [::1]:80", "src = [::1]:80", ""},
	{"src [::1]", "src = ::1", ""},
	{"src [fe80::]/10:80", "src = [fe80::]/10:80", ""},
	{"src [fe80::/10]:80", "src = [fe80::]/10:80", ""},
	{"src ::ffff:10.0.0.0/104", "src = ::ffff:10.0.0.0/104", ""},
	{"src inet:*", "src = 0.0.0.0/0", ""},
	{"src inet:10.0.0.1:80", "src = 10.0.0.1:80", ""},
	{"src inet6:*", "src = ::/0", ""},
	{"src inet6:*:80", "src = [::]/0:80", ""},
	{"src inet6::80", "src = [::]/0:80", ""},
	{"src inet6:::1", "src = ::1", ""},
	{"src inet6:[::1]:80", "src = [::1]:80", ""},
	{"dst 10.0.0.0/9,10.128.0.0/9", "dst = 10.0.0.0/8", ""},
	{"dst ::1, 192.168.0.0/16,10.0.0.0/8, 10.1.1.1", "dst = 10.0.0.0/8,192.168.0.0/16,::1", ""},
	{"dev eth0", "dev = 2", ""},
	{"dev = 7", "dev = 7", ""},
	{"dev != lo", "dev != 1", ""},
	{"dev 0", "dev = 0", ""},
	{`dev \and`, "dev = 3", ""},
	{"fwmark 16", "fwmark = 0x10", ""},
	{"fwmark = 020/0xff", "fwmark = 0x10/0xff", ""},
	{"fwmark = 0xB0B/0xfff", "fwmark = 0xb0b/0xfff", ""},
	{"fwmark != 0x10", "fwmark != 0x10", ""},
	{"fwmark 0/0", "fwmark = 0x0/0x0", "*"},
	{"cgroup /system.slice", "cgroup = 42", ""},
	{"cgroup != 42", "cgroup != 42", ""},
	{`cgroup /a\\x2db\ \(c\)`, "cgroup = 43", ""},
	{"autobound", "autobound", ""},
	{"not autobound", "not autobound", ""},
	{"not not autobound", "autobound", ""},
	{"sport = 1 and dport = 2", "sport = 1 and dport = 2", ""},
	{"sport 1 & dport 2 && dev 3 dev 4", "sport = 1 and dport = 2 and dev = 3 and dev = 4", ""},
	{"dev 1 or dev 2 | dev 3 || dev 4", "dev = 1 or dev = 2 or dev = 3 or dev = 4", ""},
	{"dev 1 or dev 2 and dev 3", "dev = 1 or dev = 2 and dev = 3", ""},
	{"(dev 1 or dev 2) and dev 3", "(dev = 1 or dev = 2) and dev = 3", ""},
	{"(dev 1 and dev 2) or (dev 3)", "dev = 1 and dev = 2 or dev = 3", ""},
	{"dev 1 (dev 2 (dev 3))", "dev = 1 and dev = 2 and dev = 3", ""},
	{"not dev 1 dev 2", "dev != 1 and dev = 2", ""},
	{"not (dev 1 dev 2)", "not (dev = 1 and dev = 2)", "dev != 1 or dev != 2"},
	{"not(not(dev 1|dev 2))", "dev = 1 or dev = 2", ""},
	{"sport 1 or\n# the other\nsport 2", "sport = 1 or sport = 2", "sport = 1-2"},
	{"sport 1 and sport 2", "sport = 1 and sport = 2", "sport != *"},
	{"sport >= 10 and sport <= 20", "sport >= 10 and sport <= 20", "sport = 10-20"},
	{"sport >= 10 or sport <= 20", "sport >= 10 or sport <= 20", "*"},
	{"dst 10.0.0.0/8 and dport 80", "dst = 10.0.0.0/8 and dport = 80", "dst = 10.0.0.0/8:80"},
	{"dst 10.0.0.0/8 and dst 10.1.0.0/16", "dst = 10.0.0.0/8 and dst = 10.1.0.0/16", "dst = 10.1.0.0/16"},
	{"dst 10.0.0.0/8 and dst 11.0.0.0/8", "dst = 10.0.0.0/8 and dst = 11.0.0.0/8", "sport != *"},
	{"dst 10.0.0.0/8 or dst 11.0.0.0/8", "dst = 10.0.0.0/8 or dst = 11.0.0.0/8", "dst = 10.0.0.0/7"},
	{"dst 10.0.0.1:80 or dst 10.0.0.1:81", "dst = 10.0.0.1:80 or dst = 10.0.0.1:81", "dst = 10.0.0.1:80-81"},
	{"dst 10.0.0.1:80 or dst ::1:80", "dst = 10.0.0.1:80 or dst = ::1:80", ""},
	{"dst 10.0.0.1:80 or dst [::1]:80", "dst = 10.0.0.1:80 or dst = [::1]:80", "dst = 10.0.0.1,::1 and dport = 80"},
	{"dst ::/0 and dst 10.0.0.0/8", "dst = ::/0 and dst = 10.0.0.0/8", ""},
	{"dev 1 or not dev 1", "dev = 1 or dev != 1", "*"},
	{"dev 1 and not dev 1", "dev = 1 and dev != 1", "sport != *"},
	{"dev 1 and dev 1", "dev = 1 and dev = 1", "dev = 1"},
	{
		"(sport 1 or dev 2) and not (sport 1 or dev 2)",
		"(sport = 1 or dev = 2) and not (sport = 1 or dev = 2)",
		"sport != 1 and (sport = 1 or dev = 2) and dev != 2",
	},
}

func TestParse(t *testing.T) {
	for _, tt := range parseCases {
		f, err := Parse(tt.src, testEnv)
		if err != nil {
			t.Error(err)

			continue
		}

		if got := f.String(); got != tt.canonical {
			t.Errorf("%q: %q, want %q", tt.src, got, tt.canonical)
		}

		simple := f.Simplify().String()
		if simple == "" && tt.src != "" {
			simple = "*"
		}

		if want := tt.simple; simple != want && (want != "" || simple != tt.canonical && simple != "*") {
			t.Errorf("%q: simplified %q, want %q", tt.src, simple, want)
		}
	}
}

func TestParseWithoutNames(t *testing.T) {
	for src, want := range map[string]string{
		"sport http": `filter:1:7: expected a port number after "sport", found "http"`,
		"dev lo":     `filter:1:5: expected an interface by number after "dev", found "lo"`,
		"cgroup /":   `filter:1:8: expected a cgroup by number after "cgroup", found "/"`,
	} {
		if _, err := Parse(src, Env{}); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", src, err, want)
		}
	}
}

// TestLimits: what is as long and deep as allowed is read and compiled, one more
// is not.
func TestLimits(t *testing.T) {
	deep := strings.Repeat("(", MaxDepth) + "sport 1" + strings.Repeat(")", MaxDepth)
	nots := strings.Repeat("not ", MaxDepth) + "autobound"
	mixed := strings.Repeat("not(dev 1 or(dev 2 and ", MaxDepth/3) + "autobound" + strings.Repeat("))", MaxDepth/3)
	long := strings.Repeat("dev 1 or dst 10.0.0.1:1 ", MaxSource/24)
	flat := "sport " + strings.Repeat("1,3,", MaxSource/4-2) + "5"

	patient := everything
	patient.MaxCompares = 1000

	for _, src := range []string{deep, nots, mixed, long, flat, long + strings.Repeat(" ", MaxSource-len(long))} {
		f := mustParse(t, src)
		if _, err := f.Compile(patient); err != nil {
			t.Errorf("%.40q: %v", src, err)
		}
	}

	for _, src := range []string{"(" + deep + ")", "not " + nots, long + strings.Repeat(" ", MaxSource-len(long)+1)} {
		if _, err := Parse(src, testEnv); err == nil {
			t.Errorf("%.40q: no error", src)
		}
	}
}

// TestLongFilters: no filter takes long to read, simplify and compile.
func TestLongFilters(t *testing.T) {
	terms := func(separator, format string) string {
		var b strings.Builder

		for i := 0; b.Len() < MaxSource-4000; i++ {
			if i > 0 {
				b.WriteString(separator)
			}

			fmt.Fprintf(&b, format, i/250%250, i%250, i*7%60000)
		}

		return b.String()
	}

	for _, src := range []string{
		terms(" or ", "dst 10.%d.%d.1:%d"),
		terms(" and ", "dst != 10.%d.%d.1:%d"),
		terms("|", "dst 10.%d.%d.1&sport %d"),
		terms("|", "dst 10.%[1]d.%[2]d.1:80"),
		terms("|", "dst 10.0.0.1:%[3]d"),
		terms("|", "sport %[3]d"),
		terms(" ", "sport!=%[3]d"),
		"dst " + terms(",", "10.%[1]d.%[2]d.1"),
		"sport " + terms(",", "%[3]d"),
		strings.Repeat("not(dev 1 or(dev 2 ", MaxDepth/3) + terms("|", "dev %[3]d") + strings.Repeat("))", MaxDepth/3),
		strings.Repeat("sport!=1 dport 2|(", MaxDepth/2) + terms("|", "dst 10.%d.%d.1&sport %d")[:MaxSource/2] + "1" + strings.Repeat(")", MaxDepth/2),
	} {
		began := time.Now()
		f := mustParse(t, src)

		if _, err := f.Compile(everything); err != nil {
			t.Errorf("%.40q: %v", src, err)
		}

		took := time.Since(began)
		t.Logf("%v for %.40q", took, src)

		if took > 10*time.Second {
			t.Errorf("%v for %.40q", took, src)
		}
	}
}
