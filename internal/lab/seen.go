package lab

import (
	"time"

	"tcphealth_exporter/internal/netlab"
	"tcphealth_exporter/sampler"
)

// dropped counts what the path has dropped.
func (s *Scene) dropped(directions ...netlab.Direction) (n netlab.Count) {
	if s.path == nil {
		return n
	}
	for _, dir := range directions {
		c := s.path.Counters(dir)
		for _, d := range []netlab.Count{c.DroppedBlackhole, c.DroppedMTU, c.DroppedLoss, c.DroppedQueue} {
			n.Packets += d.Packets
			n.Bytes += d.Bytes
		}
	}
	return n
}

// noteDropped remembers what was dropped before the fault.
func (s *Scene) noteDropped() {
	s.sent, s.returned = s.dropped(netlab.AToB), s.dropped(netlab.BToA)
}

// FirstDrop is for faults that can be seen once the path drops a packet.
func FirstDrop(s *Scene) bool {
	return s.dropped(netlab.AToB).Packets > s.sent.Packets || s.dropped(netlab.BToA).Packets > s.returned.Packets
}

// bareAck is more than the size of a packet without data.
const bareAck = 100

// FirstDataDrop is for faults that can be seen once the path drops data of the near end, or an answer to it. No one can
// see that a bare ACK of the near end is lost.
func FirstDataDrop(s *Scene) bool {
	sent := s.dropped(netlab.AToB)
	packets, bytes := sent.Packets-s.sent.Packets, sent.Bytes-s.sent.Bytes
	uncounted := packets > 0 && bytes == 0 // By netem.
	return bytes > bareAck*packets || uncounted || s.dropped(netlab.BToA).Packets > s.returned.Packets
}

// WindowClosed is for faults that can be seen once the peer's receive window is closed.
func WindowClosed(s *Scene) bool {
	row, ok := s.look()
	return ok && row.Info.SndWnd() == 0
}

// awaitWindowClosed waits until the peer's receive window is closed.
func (s *Scene) awaitWindowClosed() {
	s.await(func() bool { return WindowClosed(s) })
}

// look reads the subject from the kernel.
func (s *Scene) look() (row sampler.Socket, ok bool) {
	s.tb.Helper()
	if s.eye == nil {
		eye, err := sampler.Dial(sampler.Config{NetNS: s.near.FD()})
		if err != nil {
			s.tb.Fatal(err)
		}
		s.tb.Cleanup(func() { _ = eye.Close() })
		s.eye = eye
	}
	_, err := s.eye.Dump(func(_ time.Time, rows []sampler.Socket) {
		for i := range rows {
			if uint32(rows[i].Local.Port) == s.subject.Load() && rows[i].State != sampler.StateListen {
				row, ok = rows[i], true
			}
		}
	})
	if err != nil {
		s.tb.Fatal(err)
	}
	return row, ok
}
