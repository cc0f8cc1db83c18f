package config

import (
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tcphealth_exporter/bytecode"
	"tcphealth_exporter/health/judge"
	"tcphealth_exporter/sampler"
)

// profile returns the limits of a profile.
func (c *Config) profile(tb testing.TB, name string) *judge.Thresholds {
	tb.Helper()

	i := slices.IndexFunc(c.Profiles, func(p judge.Profile) bool { return p.Name == name })
	if i < 0 {
		tb.Fatalf("no profile %q", name)
	}

	return c.Profiles[i].Thresholds
}

func namesOf(profiles []judge.Profile) (names []string) {
	for _, p := range profiles {
		names = append(names, p.Name)
	}

	return names
}

// TestNothing: what says nothing is the configuration of a program without one.
func TestNothing(t *testing.T) {
	for _, text := range []string{
		"", "\n", "# nothing\n", "---\n", "--- {}\n", "~\n", "{}\n",
		"profiles:\nrules:\nnetworks:\ngroups:\n", "networks: {}\ngroups: {}\n", "profiles: {}\nrules: []\n", "default_profile: auto\n", "profiles:\n  auto:\n", "profiles: {auto: {flags: }}\n",
	} {
		c := parse(t, text)
		if diff := cmp.Diff(&Config{Profiles: judge.BuiltinProfiles()}, c); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}

const sample = `
rules:
  - filter: 'dport = 5432'
    profile: db
  - filter: |
      dst 10.0.0.0/8 and
      sport = https
    profile: web
profiles:
  messaging: {hold: 3s}
  db:
    patience: {rtts: 5}
    loss_window: 1m
    drift_above: 10ms
    rate_fall: 30%
    full_segment: 0.5
    sparse_segments: 4
    hold_intervals: 3
    flags:
      rtt_high: [{threshold: 300ms, points: 1}, {threshold: 1s, rtts: 2.5, points: 3}]
      queue_growing: off
      send_queue_high: {threshold: 4KiB, points: 3}
      congestion_confirmed: {points: 4}
      loss_high: [{threshold: 2%, points: 1}]
  web:
    base: db
    flags: {rtt_high: off}
  chat: {base: messaging}
default_profile: web
`

// TestSample reads a bit of everything.
func TestSample(t *testing.T) {
	c := parse(t, sample)

	if got, want := namesOf(c.Profiles), []string{"web", "auto", "messaging", "bulk", "db", "chat"}; !slices.Equal(got, want) {
		t.Errorf("profiles %v, want %v", got, want)
	}

	want := judge.DefaultThresholds()
	want.Patience.RTTs = 5
	want.LossWindow = time.Minute
	want.RateFall, want.FullSegment, want.SparseSegments, want.HoldIntervals = 0.3, 0.5, 4, 3
	want.Steps[judge.RTTHigh] = []judge.Step{{Threshold: 0.3, Points: 1}, {Threshold: 1, RTTs: 2.5, Points: 3}}
	want.Steps[judge.QueueGrowing] = nil
	want.Steps[judge.SendQueueHigh] = []judge.Step{{Threshold: 4096, Points: 3}}
	want.Steps[judge.CongestionConfirmed] = []judge.Step{{Threshold: 1, Points: 4}}
	want.Steps[judge.LossHigh] = []judge.Step{{Threshold: 0.02, Points: 1}}

	if diff := cmp.Diff(want, c.profile(t, "db")); diff != "" {
		t.Errorf("db (-want +got):\n%s", diff)
	}

	want.Steps[judge.RTTHigh] = nil
	if diff := cmp.Diff(want, c.profile(t, "web")); diff != "" {
		t.Errorf("web (-want +got):\n%s", diff)
	}

	want = judge.BuiltinProfiles()[1].Thresholds
	want.Hold = 3 * time.Second

	for _, name := range []string{"messaging", "chat"} {
		if diff := cmp.Diff(want, c.profile(t, name)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}

	if diff := cmp.Diff(judge.DefaultThresholds(), c.profile(t, "auto")); diff != "" {
		t.Errorf("auto was changed (-want +got):\n%s", diff)
	}
}

// TestPolicy: the rules choose by name, whatever the order of the profiles.
func TestPolicy(t *testing.T) {
	var filters []string

	policy := parse(t, sample).Policy(func(f *bytecode.Filter) func(*sampler.Socket) bool {
		filters = append(filters, f.String())

		return func(s *sampler.Socket) bool { return s.Cookie == uint64(len(filters)) }
	})

	if want := []string{"dport = 5432", "dst = 10.0.0.0/8 and sport = 443"}; !slices.Equal(filters, want) {
		t.Errorf("filters %q, want %q", filters, want)
	}

	var chosen []string
	for _, r := range policy.Rules {
		chosen = append(chosen, policy.Profiles[r.Profile].Name)

		if !r.Matches(&sampler.Socket{Cookie: 2}) || r.Matches(&sampler.Socket{Cookie: 3}) {
			t.Error("a rule has another condition than was made of its filter")
		}
	}

	if want := []string{"db", "web"}; !slices.Equal(chosen, want) {
		t.Errorf("profiles %q, want %q", chosen, want)
	}

	if policy.Profiles[0].Name != "web" {
		t.Errorf("%s is for the connections that no rule matches", policy.Profiles[0].Name)
	}
}

// TestBuiltinProfiles: one that is redefined counts for what stands below.
func TestBuiltinProfiles(t *testing.T) {
	c := parse(t, "profiles:\n  auto: {hold: 7s}\n  a: {}\n  b: {base: auto}\n  bulk: {base: a}\n  d: {base: bulk}\n")

	for name, want := range map[string]time.Duration{
		"auto": 7 * time.Second, "a": 7 * time.Second, "b": 7 * time.Second, "bulk": 7 * time.Second, "d": 7 * time.Second,
		"messaging": time.Second,
	} {
		if got := c.profile(t, name).Hold; got != want {
			t.Errorf("%s holds %s, want %s", name, got, want)
		}
	}
}

// TestAliases: an anchor saves typing, as elsewhere in YAML.
func TestAliases(t *testing.T) {
	c := parse(t, "profiles:\n  a:\n    hold: &long 7s\n    flags: &flags {rtt_high: off}\n  b:\n    hold: *long\n    flags: *flags\n")
	if b := c.profile(t, "b"); b.Hold != 7*time.Second || b.Steps[judge.RTTHigh] != nil {
		t.Errorf("hold %s, RTT %v", b.Hold, b.Steps[judge.RTTHigh])
	}

	// A key may be one as well; here the anchor "base" is not about a base.
	c = parse(t, "profiles:\n  a: {&base hold: 7s}\n  b: {? *base : 9s}\n")
	if a, b := c.profile(t, "a"), c.profile(t, "b"); a.Hold != 7*time.Second || b.Hold != 9*time.Second {
		t.Errorf("hold %s and %s", a.Hold, b.Hold)
	}

	const circle = "profiles:\n  a:\n    flags: &x {rtt_high: *x}\n"
	if got, want := mistake(t, "circle.yml", circle).Path, "profiles.a.flags.rtt_high.rtt_high"; got != want {
		t.Errorf("a circle ends at %q, want %q", got, want)
	}
}

// TestEveryLimitIsSettable: no field of the limits is forgotten, and each
// setting is about one of its own.
func TestEveryLimitIsSettable(t *testing.T) {
	set := make(map[string]string)

	for i := range settingTable {
		s := &settingTable[i]
		changed := judge.DefaultThresholds()
		s.set(changed, s.get(changed)+1)

		before, after := reflect.ValueOf(*judge.DefaultThresholds()), reflect.ValueOf(*changed)

		for f := range before.NumField() {
			if field := before.Type().Field(f).Name; !reflect.DeepEqual(before.Field(f).Interface(), after.Field(f).Interface()) {
				if snake(field) != s.name || set[field] != "" {
					t.Errorf("%s sets %s, as does %q", s.name, field, set[field])
				}

				set[field] = s.name
			}
		}

		if s.minimum >= s.maximum || s.get(judge.DefaultThresholds()) < s.minimum || s.get(judge.DefaultThresholds()) > s.maximum {
			t.Errorf("%s is from %v to %v", s.name, s.minimum, s.maximum)
		}
	}

	set["Steps"], set["Patience"] = "flags", "patience"

	for _, f := range reflect.VisibleFields(reflect.TypeFor[judge.Thresholds]()) {
		if set[f.Name] == "" {
			t.Errorf("%s can't be set", f.Name)
		}
	}
}

// snake returns the name of a field as a setting has it.
func snake(field string) string {
	var b strings.Builder

	for i, r := range field {
		if r < 'a' && i > 0 {
			b.WriteByte('_')
		}

		b.WriteRune(r)
	}

	return strings.ToLower(b.String())
}

// TestNotations reads figures, and writes what was read so that it can be read
// again.
func TestNotations(t *testing.T) {
	for _, test := range []struct {
		unit judge.Unit
		text string
		want float64 // NaN for none
	}{
		{judge.UnitSeconds, "300ms", 0.3},
		{judge.UnitSeconds, "1.5s", 1.5},
		{judge.UnitSeconds, "1h30m", 5400},
		{judge.UnitSeconds, "10m", 600},
		{judge.UnitSeconds, "0", 0},
		{judge.UnitSeconds, "1", math.NaN()},
		{judge.UnitSeconds, "1d", math.NaN()},
		{judge.UnitSeconds, "", math.NaN()},
		{judge.UnitShare, "5%", 0.05},
		{judge.UnitShare, "7 %", 0.07},
		{judge.UnitShare, "0.5%", 0.005},
		{judge.UnitShare, "0.05", 0.05},
		{judge.UnitShare, "%", math.NaN()},
		{judge.UnitShare, "5%%", math.NaN()},
		{judge.UnitFactor, "2.5", 2.5},
		{judge.UnitFactor, "1e3", 1000},
		{judge.UnitFactor, "2,5", math.NaN()},
		{judge.UnitCount, "3", 3},
		{judge.UnitCount, "3.0", math.NaN()},
		{judge.UnitCount, "-1", math.NaN()},
		{judge.UnitCount, "99999999999", math.NaN()},
		{judge.UnitBytes, "4096", 4096},
		{judge.UnitBytes, "4KiB", 4096},
		{judge.UnitBytes, "4KB", 4000},
		{judge.UnitBytes, "4 kB", 4000},
		{judge.UnitBytes, "1.5MiB", 1.5 * (1 << 20)},
		{judge.UnitBytes, "1MB", 1e6},
		{judge.UnitBytes, "2GiB", 2 << 30},
		{judge.UnitBytes, "2GB", 2e9},
		{judge.UnitBytes, "10B", 10},
		{judge.UnitBytes, "4K", math.NaN()},
		{judge.UnitBytes, "KiB", math.NaN()},
	} {
		n := &notationTable[test.unit]

		got, ok := n.parse(test.text)
		if ok == math.IsNaN(test.want) || ok && got != test.want {
			t.Errorf("%s %q: %v, %t, want %v", test.unit, test.text, got, ok, test.want)
		}

		if !ok {
			continue
		}

		if again, ok := n.parse(n.format(got)); !ok || again != got {
			t.Errorf("%s %q is written %q, which is %v", test.unit, test.text, n.format(got), again)
		}
	}
}

func TestNearest(t *testing.T) {
	known := []string{"auto", "messaging", "rtt_high", "db"}

	for name, want := range map[string]string{
		"rtt_higher": "rtt_high", "rtthigh": "rtt_high", "RTT_high": "", "mesaging": "messaging", "atuo": "", "aut": "auto",
		"dv": "db", "d": "", "x": "", "": "", strings.Repeat("auto", 100): "",
	} {
		if got := nearest(name, known); got != want {
			t.Errorf("%q is near %q, want %q", name, got, want)
		}
	}
}

// TestOldKeys: the previous name of a key still works, and is reported.
func TestOldKeys(t *testing.T) {
	c := parse(t, "profiles:\n  a:\n    patience: {limit: 2s}\n    flags:\n      rtt_high: [{limit: 300ms, points: 1}]\n")
	l := c.Profiles[len(c.Profiles)-1].Thresholds

	if l.Patience.Threshold != 2 || l.Steps[judge.RTTHigh][0].Threshold != 0.3 {
		t.Errorf("%+v, %+v", l.Patience, l.Steps[judge.RTTHigh])
	}

	want := []Deprecated{{Line: 3, Key: "limit", Use: "threshold"}, {Line: 5, Key: "limit", Use: "threshold"}}
	if diff := cmp.Diff(want, c.Deprecated); diff != "" {
		t.Errorf("deprecated keys (-want +got):\n%s", diff)
	}

	text := "profiles:\n  a: {patience: {threshold: 2s, limit: 1s}}\n"
	if _, err := Parse("both.yml", []byte(text), bytecode.Env{}); err == nil || err.Error() != `both.yml:2:33: profiles.a.patience.limit: given together with "threshold", which replaces it` {
		t.Errorf("both names at once: %v", err)
	}

	if c := parse(t, "profiles: {a: {patience: {threshold: 2s}}}"); len(c.Deprecated) != 0 {
		t.Errorf("%+v of a current key", c.Deprecated)
	}
}
