package health

import (
	"slices"
	"testing"

	"tcphealth_exporter/health/group"
)

// requireSoundGroups fails unless the groups agree with each other and with the
// connections in the table.
func requireSoundGroups(tb testing.TB, t *Tracker) {
	tb.Helper()

	members := make(map[group.ID]int)

	for cookie, i := range indexed(t) {
		switch c := t.slab.conn(i); {
		case c.group != group.None:
			members[c.group]++
		case !slices.Contains(t.arrivals, i):
			tb.Fatalf("connection %d has no group and waits for none", cookie)
		}
	}

	if err := t.groups.Check(members); err != nil {
		tb.Fatal(err)
	}
}

// requireSameSums fails unless the sums over groups are those of the host.
// Connections that wait for a group are in no sum of groups yet.
func requireSameSums(tb testing.TB, t *Tracker) {
	tb.Helper()

	sum := t.groups.Totals()
	if opened := t.stats.ActiveOpens + t.stats.PassiveOpens; opened != sum.Opened {
		tb.Fatalf("%d opened from here and to here, %d over groups", opened, sum.Opened)
	}

	for _, i := range indexed(t) {
		if c := t.slab.conn(i); c.group == group.None && c.opened && !c.joined {
			sum.Opened++
		}
	}

	if sum.Opened != t.stats.Opened || sum.Closed != t.stats.Closed {
		tb.Fatalf("%d opened and %d closed over groups, %d and %d in all", sum.Opened, sum.Closed, t.stats.Opened, t.stats.Closed)
	}

	ends := uint64(0)
	for r, n := range sum.Ended {
		if r != int(EndEvicted) && r != int(EndShutdown) {
			ends += n
		}
	}

	if ends != sum.Closed {
		tb.Fatalf("%d closed, but ended: %v", sum.Closed, sum.Ended)
	}

	requireRecounted(tb, t)

	if len(t.arrivals) > 0 {
		return
	}

	var all group.Counts

	groups := t.groups.Snapshot(0, 0, false)
	for i := range groups {
		p := &groups[i]
		all.Idle += p.Idle

		for s := range all.Statuses {
			all.Statuses[s] += p.Statuses[s]
		}
	}

	if all.Statuses != t.counts.statuses || all.Idle != t.counts.idle {
		tb.Fatalf("%v over groups, %d idle; %v in all, %d idle", all.Statuses, all.Idle, t.counts.statuses, t.counts.idle)
	}
}

// requireRecounted fails unless the counts are those of all connections that the last
// complete sample of their namespace contained.
func requireRecounted(tb testing.TB, t *Tracker) {
	tb.Helper()

	var want counts

	ofGroups := make(map[string]*group.Counts)
	oldest := make(map[string]uint32)

	for key, i := range indexed(t) {
		c := t.slab.conn(i)
		if c.counted != (c.missed == 0) {
			tb.Fatalf("connection %v was missed %d times, but counted is %v", key, c.missed, c.counted)
		}

		if !c.counted {
			continue
		}

		v := c.judged.Verdict()
		want.statuses[v.Status]++

		for f := range v.Flags.All() {
			want.flags[f]++
		}

		if v.Idle {
			want.idle++
		}

		if name := t.groupName(c); c.group != group.None {
			if ofGroups[name] == nil {
				ofGroups[name] = new(group.Counts)
			}

			ofGroups[name].Add(c.member(), 1)

			if since := c.judged.CloseWaitSince(); since != 0 && (oldest[name] == 0 || since < oldest[name]) {
				oldest[name] = since
			}
		}
	}

	if t.counts != want {
		tb.Fatalf("the counts are %+v, a recount makes %+v", t.counts, want)
	}

	for _, g := range t.groups.Snapshot(0, 0, false) {
		want := ofGroups[g.Name]
		if want == nil {
			want = new(group.Counts)
		}

		if g.Counts != *want {
			tb.Fatalf("the counts of %q are %+v, a recount makes %+v", g.Name, g.Counts, *want)
		}

		if g.CloseWaitSince != oldest[g.Name] {
			tb.Fatalf("%q is in CLOSE_WAIT since %d, a recount makes %d", g.Name, g.CloseWaitSince, oldest[g.Name])
		}
	}
}
