package collector

import (
	"strconv"
	"testing"
	"time"

	"tcphealth_exporter/health"
	"tcphealth_exporter/health/export"
	"tcphealth_exporter/health/group"
	"tcphealth_exporter/health/judge"
	"tcphealth_exporter/sampler"
)

// TestSubjectsAreForgotten looks at what is kept of connections that are gone.
func TestSubjectsAreForgotten(t *testing.T) {
	known, e := newSubjects(), newExposition(&Config{})

	for n := range 100 {
		s := &health.Snapshot{Connections: make([]health.Connection, n%7)}
		for i := range s.Connections {
			s.Connections[i].LocalPort = strconv.Itoa(n + i)
			s.Connections[i].Flags = judge.Flags(1<<(n%5) - 1)
		}

		s.Listeners = make([]health.Listener, n%3)
		s.Groups = make([]group.Group, n%4)
		e.fill(s, known)

		if len(known.places) != len(s.Groups) {
			t.Fatalf("%d groups kept, %d shown", len(known.places), len(s.Groups))
		}

		if len(known.shown) != len(s.Connections) {
			t.Fatalf("%d connections kept, %d shown", len(known.shown), len(s.Connections))
		}

		for id, about := range known.shown {
			if want := n%5 + 2; len(about.own) != want { // flags, cause and info
				t.Fatalf("%v: labels of %d series kept, not of %d", id, len(about.own), want)
			}
		}
	}

	labels := len(known.local.own)
	e.fill(&health.Snapshot{Listeners: make([]health.Listener, 50)}, known)
	e.fill(&health.Snapshot{}, known)

	if len(known.local.own) > labels {
		t.Errorf("labels of %d series of the host kept, there are %d", len(known.local.own), labels)
	}
}

// TestLabelsOfAnotherName: the same values under other names are other labels.
func TestLabelsOfAnotherName(t *testing.T) {
	about := newSubject([]string{"host"}, []string{"a"})

	for _, name := range []string{"status", "cause", "cause"} {
		about.begin(1)

		labels := about.labels([]string{name}, []string{"none"})
		about.end()

		for _, l := range labels {
			if l.GetName() != "host" && l.GetName() != name {
				t.Errorf("%s in place of %s", l.GetName(), name)
			}
		}
	}
}

// TestMemoryIsGivenBack: of many scrapes at once nothing is left but the memory of
// one.
func TestMemoryIsGivenBack(t *testing.T) {
	g := NewGatherer(Config{Latest: func() *health.Snapshot { return &health.Snapshot{} }})

	var releases []func()

	for range 2 * maxExpositions {
		_, done, err := g.Gather()
		if err != nil {
			t.Fatal(err)
		}

		releases = append(releases, done)
	}

	if len(g.all) != maxExpositions {
		t.Errorf("%d expositions for scrapes of different snapshots", len(g.all))
	}

	for _, done := range releases {
		done()
	}

	if len(g.all) != 1 || g.all[0] != g.newest || g.newest.users != 0 {
		t.Errorf("%d expositions are left", len(g.all))
	}
}

// TestTextsAreBounded: facts that are different every time make no memory grow,
// and are exposed correctly all the same.
func TestTextsAreBounded(t *testing.T) {
	s := newSeries(&Config{})

	for n := range 3 * maxInfos {
		labels := s.info(&health.Connection{Row: sampler.Socket{UID: uint32(n), State: sampler.StateEstablished}})
		if got := labels[3]; got != strconv.Itoa(n) {
			t.Fatalf("uid %q, expected %d", got, n)
		}

		last := health.Activation{Identity: export.Identity{LocalPort: strconv.Itoa(n)}, At: time.Unix(int64(n+1), 0)}
		if got := s.exemplars.of(&last).GetTimestamp().GetSeconds(); got != int64(n+1) {
			t.Fatalf("exemplar of %d, expected %d", got, n+1)
		}
	}

	if len(s.infos) > maxInfos || len(s.exemplars) > maxExemplars {
		t.Errorf("%d and %d texts kept", len(s.infos), len(s.exemplars))
	}
}
