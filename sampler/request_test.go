package sampler

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"
)

// sockID matches every socket: no ports, addresses and interface, no cookie.
func sockID() []byte {
	return slices.Concat(make([]byte, 40), bytes.Repeat([]byte{0xff}, 8))
}

func TestRequestPayload(t *testing.T) {
	number := func(n uint32) []byte { return binary.NativeEndian.AppendUint32(nil, n) }
	short := func(n uint16) []byte { return binary.NativeEndian.AppendUint16(nil, n) }
	for name, test := range map[string]struct {
		request request
		kind    uint16
		want    []byte
	}{
		"legacy": {
			request{legacy: true, family: FamilyIPv4, ext: 0x4a, states: ConnectionStates},
			18,
			slices.Concat([]byte{2, 0, 0, 0x4a}, sockID(), number(0xb36), number(0)),
		},
		"v2": {
			request{family: FamilyIPv6, ext: 2, states: ListenStates},
			20,
			slices.Concat([]byte{10, 6, 2, 0}, number(0x400), sockID()),
		},
		"legacy with filter": {
			request{legacy: true, family: FamilyIPv4, states: 2, filter: []byte{1, 2, 3, 4, 5, 6, 7, 8}},
			18,
			slices.Concat([]byte{2, 0, 0, 0}, sockID(), number(2), number(0), short(12), short(1), []byte{1, 2, 3, 4, 5, 6, 7, 8}),
		},
		"v2 with filter of odd length": {
			request{family: FamilyIPv4, states: 2, filter: []byte{1, 2, 3, 4, 5}},
			20,
			slices.Concat([]byte{2, 6, 0, 0}, number(2), sockID(), short(9), short(1), []byte{1, 2, 3, 4, 5, 0, 0, 0}),
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := test.request.kind(); got != test.kind {
				t.Errorf("kind is %d, want %d", got, test.kind)
			}
			if got := test.request.payload(); !bytes.Equal(got, test.want) {
				t.Errorf("got  %x\nwant %x", got, test.want)
			}
		})
	}
}

func TestRequestKeepsItsFilter(t *testing.T) {
	filter := append(make([]byte, 0, 64), 1, 2, 3, 4)
	r := request{filter: filter}
	_ = r.payload()
	if rest := filter[:cap(filter)][4:]; !bytes.Equal(rest, make([]byte, 60)) {
		t.Errorf("after the filter there is %x", rest)
	}
}

func TestExtensions(t *testing.T) {
	for _, test := range []struct {
		cfg  Config
		want uint8
	}{{Config{}, 0x4a}, {Config{CongestionInfo: true}, 0x4e}} {
		c := Conn{cfg: test.cfg}
		if got := c.extensions(); got != test.want {
			t.Errorf("%+v requests %#x, want %#x", test.cfg, got, test.want)
		}
	}
}
