package sampler

import (
	"encoding/binary"
	"errors"
	"slices"
	"testing"
)

// dirtySocket has no zero bytes, so that fields that are not reset show.
func dirtySocket(t testing.TB) Socket {
	t.Helper()
	info := make([]byte, MaxInfoSize)
	for i := range info {
		info[i] = 0xee
	}
	row := diagRow(FamilyIPv6, StateClosing, ^uint64(0),
		attr(attrInfo, info), attr(attrSkMemInfo, words(1, 2, 3, 4, 5, 6, 7, 8, 9)),
		attr(attrCong, []byte("dirty-algorithm")), attr(attrMark, words(7)), attr(attrShutdown, []byte{3}),
		attr(attrCgroupID, words(1, 2)), attr(attrBBRInfo, words(1, 2, 3, 4, 5)),
		attr(attrVegasInfo, words(1, 2, 3, 4)), attr(attrDCTCPInfo, words(1, 2, 3, 4)))
	for i := range sizeofDiagMsg {
		if i >= 2 {
			row[i] = 0xee
		}
	}
	var s Socket
	must(t, decodeSocket(&s, row, true))
	return s
}

// TestDecodeAttributes decodes each attribute alone, into a zero and into a used socket.
func TestDecodeAttributes(t *testing.T) {
	memory := SkMem{RmemAlloc: 1, Rcvbuf: 2, WmemAlloc: 3, Sndbuf: 4, FwdAlloc: 5, WmemQueued: 6, Optmem: 7, Backlog: 8}
	dropping := memory
	dropping.Drops = 9
	for name, test := range map[string]struct {
		attr []byte
		want Socket
	}{
		"none":            {nil, Socket{}},
		"unknown":         {attr(99, []byte{1, 2, 3}), Socket{}},
		"skmem":           {attr(attrSkMemInfo, words(1, 2, 3, 4, 5, 6, 7, 8, 9)), Socket{Attrs: HasSkMem | HasDrops, SkMem: dropping}},
		"longer skmem":    {attr(attrSkMemInfo, words(1, 2, 3, 4, 5, 6, 7, 8, 9, 10)), Socket{Attrs: HasSkMem | HasDrops, SkMem: dropping}},
		"skmem of 4.6":    {attr(attrSkMemInfo, words(1, 2, 3, 4, 5, 6, 7, 8)), Socket{Attrs: HasSkMem, SkMem: memory}},
		"skmem cut short": {attr(attrSkMemInfo, words(1, 2, 3, 4, 5, 6, 7)), Socket{}},
		"congestion":      {attr(attrCong, []byte("cubic\x00")), Socket{Attrs: HasCongestion, Congestion: [16]byte{'c', 'u', 'b', 'i', 'c'}}},
		"longest congestion": {
			attr(attrCong, []byte("0123456789abcde\x00")),
			Socket{Attrs: HasCongestion, Congestion: [16]byte([]byte("0123456789abcde\x00"))},
		},
		"too long congestion": {
			attr(attrCong, []byte("0123456789abcdefgh")),
			Socket{Attrs: HasCongestion, Congestion: [16]byte([]byte("0123456789abcde\x00"))},
		},
		"cgroup":           {attr(attrCgroupID, words(1, 2)), Socket{Attrs: HasCgroup, CgroupID: nativeU64(words(1, 2))}},
		"cgroup cut short": {attr(attrCgroupID, words(1)), Socket{}},
		"mark":             {attr(attrMark, words(0xfffffffe)), Socket{Attrs: HasMark, Mark: 0xfffffffe}},
		"mark zero":        {attr(attrMark, words(0)), Socket{Attrs: HasMark}},
		"mark cut short":   {attr(attrMark, []byte{1, 2, 3}), Socket{}},
		"shutdown":         {attr(attrShutdown, []byte{2}), Socket{Attrs: HasShutdown, Shutdown: 2}},
		"shutdown empty":   {attr(attrShutdown, nil), Socket{}},
		"nested flag":      {attr(0x8000|attrShutdown, []byte{1}), Socket{Attrs: HasShutdown, Shutdown: 1}},
		"bbr": {
			attr(attrBBRInfo, words(1, 2, 3, 4, 5)),
			Socket{Attrs: HasBBR, BBR: BBRInfo{Bandwidth: 1 | 2<<32, MinRTT: 3, PacingGain: 4, CwndGain: 5}},
		},
		"bbr without a sample": {attr(attrBBRInfo, words(0, 0, unsetU32, 4, 5)), Socket{Attrs: HasBBR, BBR: BBRInfo{PacingGain: 4, CwndGain: 5}}},
		"bbr cut short":        {attr(attrBBRInfo, words(1, 2, 3, 4)), Socket{}},
		"vegas":                {attr(attrVegasInfo, words(1, 2, 3, 4)), Socket{Attrs: HasVegas, Vegas: VegasInfo{1, 2, 3, 4}}},
		"vegas no sample":      {attr(attrVegasInfo, words(1, 2, unsetVegasRTT, unsetVegasRTT)), Socket{Attrs: HasVegas, Vegas: VegasInfo{Enabled: 1, RTTCount: 2}}},
		"vegas cut short":      {attr(attrVegasInfo, words(1, 2, 3)), Socket{}},
		"dctcp cut short":      {attr(attrDCTCPInfo, words(1, 2, 3)), Socket{}},
		"dctcp": {
			attr(attrDCTCPInfo, slices.Concat(nativeU16(1, 2), words(3, 4, 5))),
			Socket{Attrs: HasDCTCP, DCTCP: DCTCPInfo{1, 2, 3, 4, 5}},
		},
		"info without a byte": {attr(attrInfo, nil), Socket{Attrs: HasInfo}},
	} {
		t.Run(name, func(t *testing.T) {
			test.want.Family, test.want.State, test.want.Cookie = FamilyIPv4, StateEstablished, 1<<40|1
			test.want.Local.Addr = [16]byte{10: 0xff, 11: 0xff}
			test.want.Remote = test.want.Local
			row := diagRow(FamilyIPv4, StateEstablished, 1<<40|1, test.attr)
			for _, s := range []Socket{{}, dirtySocket(t)} {
				if err := decodeSocket(&s, row, false); err != nil || s != test.want {
					t.Errorf("got  %+v, %v\nwant %+v", s, err, test.want)
				}
			}
		})
	}
}

func nativeU64(b []byte) uint64 { return binary.NativeEndian.Uint64(b) }

func nativeU16(values ...uint16) []byte {
	var b []byte
	for _, v := range values {
		b = binary.NativeEndian.AppendUint16(b, v)
	}
	return b
}

// TestDecodeEdges decodes rows that are barely well-formed or malformed.
func TestDecodeEdges(t *testing.T) {
	row := func(attrs ...[]byte) []byte { return diagRow(FamilyIPv4, StateEstablished, 1, attrs...) }
	for name, test := range map[string]struct {
		row []byte
		bad bool
	}{
		"no attributes":             {row(), false},
		"less than an attribute":    {row([]byte{1, 2, 3}), false},
		"attribute of length 3":     {row(nativeU16(3, 1), words(0)), true},
		"attribute of length 0":     {row(nativeU16(0, 1), words(0)), true},
		"attribute beyond the end":  {row(nativeU16(9, 1), words(0)), true},
		"attribute without padding": {row(nativeU16(5, attrShutdown), []byte{1}), false},
		"one byte short":            {row()[:sizeofDiagMsg-1], true},
		"nothing":                   {nil, true},
		"family unix":               {diagRow(1, 1, 1), true},
		"family zero":               {diagRow(0, 1, 1), true},
		"unknown state":             {diagRow(FamilyIPv6, 200, 1), false},
	} {
		var s Socket
		if err := decodeSocket(&s, test.row, false); errors.Is(err, ErrMalformed) != test.bad || (err != nil) != test.bad {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestDecodeInfoTwice uses the second of two attributes, with no bytes of the first.
func TestDecodeInfoTwice(t *testing.T) {
	long, short := make([]byte, MaxInfoSize), []byte{1, 2, 3}
	for i := range long {
		long[i] = 0xff
	}
	var got, want Socket
	must(t, decodeSocket(&got, diagRow(FamilyIPv4, 1, 1, attr(attrInfo, long), attr(attrInfo, short)), false))
	must(t, decodeSocket(&want, diagRow(FamilyIPv4, 1, 1, attr(attrInfo, short)), false))
	if got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// TestDecodeEndpoints decodes addresses of both families.
func TestDecodeEndpoints(t *testing.T) {
	for _, test := range []struct {
		family        Family
		local, remote string
		linkLocal     bool
	}{
		{FamilyIPv4, "10.1.2.3:443", "192.168.0.1:50000", false},
		{FamilyIPv6, "[2001:db8::1]:1", "[::1]:65535", false},
		{FamilyIPv6, "[fe80::1]:22", "[fe80::2]:40000", true},
		{FamilyIPv6, "[febf::1]:22", "[2001:db8::1]:1", true},
		{FamilyIPv6, "[fec0::1]:22", "[2001:db8::1]:1", false},
		{FamilyIPv4, "169.254.1.1:22", "169.254.1.2:1", false},
	} {
		b := diagRow(test.family, StateEstablished, 1)
		local, remote := addrPort(test.local), addrPort(test.remote)
		binary.BigEndian.PutUint16(b[4:], local.Port())
		binary.BigEndian.PutUint16(b[6:], remote.Port())
		copy(b[8:24], local.Addr().AsSlice())
		copy(b[24:40], remote.Addr().AsSlice())
		s := dirtySocket(t)
		must(t, decodeSocket(&s, b, false))
		if s.Local.AddrPort() != local || s.Remote.AddrPort() != remote || s.Family != test.family {
			t.Errorf("got %v %v, want %v %v", s.Local.AddrPort(), s.Remote.AddrPort(), local, remote)
		}
		if s.Local != endpointFrom(local) || s.Remote != endpointFrom(remote) {
			t.Errorf("%v or %v differs from endpointFrom", local, remote)
		}
		if s.LinkLocal() != test.linkLocal {
			t.Errorf("LinkLocal of %v is %v", local, s.LinkLocal())
		}
	}
}

// TestDecodeMappedAddress decodes a mapped address of an IPv6 row as IPv4.
func TestDecodeMappedAddress(t *testing.T) {
	b := diagRow(FamilyIPv6, StateEstablished, 1)
	copy(b[8:24], []byte{10: 0xff, 11: 0xff, 12: 127, 15: 1})
	var s Socket
	must(t, decodeSocket(&s, b, false))
	if s.Local != endpointFrom(addrPort("127.0.0.1:0")) || s.Family != FamilyIPv6 {
		t.Errorf("got %v, family %d", s.Local.AddrPort(), s.Family)
	}
}
