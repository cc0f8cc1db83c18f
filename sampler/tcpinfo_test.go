package sampler

import (
	"encoding/binary"
	"maps"
	"testing"
)

// infoWith returns a full tcp_info with a state. All fields but the given ones are zero.
func infoWith(state State, packed bool, fields map[Field]uint64) TCPInfo {
	raw := make([]byte, MaxInfoSize)
	raw[offState] = byte(state)
	for f, v := range fields {
		spec := fieldTable[f]
		v <<= spec.shift
		for i := range int(spec.width) {
			at := int(spec.offset) + i
			if hostByteOrder() == "big" {
				at = int(spec.offset+spec.width) - 1 - i
			}
			raw[at] |= byte(v >> (8 * i))
		}
	}
	var t TCPInfo
	t.set(raw, packed)
	return t
}

// TestUnset checks that the kernel's values for "none" are absent, and the next values
// present.
func TestUnset(t *testing.T) {
	for name, test := range map[string]struct {
		field  Field
		value  uint64
		others map[Field]uint64
		want   bool
	}{
		"min_rtt unset":           {FieldMinRTT, unsetU32, nil, false},
		"min_rtt large":           {FieldMinRTT, unsetU32 - 1, nil, true},
		"min_rtt zero":            {FieldMinRTT, 0, nil, true},
		"pacing_rate unset":       {FieldPacingRate, unsetU64, nil, false},
		"pacing_rate 32 bits":     {FieldPacingRate, unsetU32, nil, true},
		"max_pacing_rate unset":   {FieldMaxPacingRate, unsetU64, nil, false},
		"max_pacing_rate set":     {FieldMaxPacingRate, 1, nil, true},
		"ssthresh infinite":       {FieldSndSsthresh, infiniteThresh, nil, false},
		"ssthresh beyond":         {FieldSndSsthresh, infiniteThresh + 1, nil, false},
		"ssthresh large":          {FieldSndSsthresh, infiniteThresh - 1, nil, true},
		"rtt none":                {FieldRTT, 0, nil, false},
		"rtt":                     {FieldRTT, 1, nil, true},
		"rttvar without rtt":      {FieldRTTVar, 250000, nil, false},
		"rttvar":                  {FieldRTTVar, 250000, map[Field]uint64{FieldRTT: 1}, true},
		"rttvar zero":             {FieldRTTVar, 0, map[Field]uint64{FieldRTT: 1}, true},
		"rcv_rtt none":            {FieldRcvRTT, 0, nil, false},
		"rcv_rtt":                 {FieldRcvRTT, 1, nil, true},
		"snd_wscale not agreed":   {FieldSndWscale, 7, map[Field]uint64{FieldOptions: 0xff &^ OptionWScale}, false},
		"snd_wscale":              {FieldSndWscale, 7, map[Field]uint64{FieldOptions: OptionWScale}, true},
		"snd_wscale zero":         {FieldSndWscale, 0, map[Field]uint64{FieldOptions: OptionWScale}, true},
		"rcv_wscale not agreed":   {FieldRcvWscale, 7, nil, false},
		"rcv_wscale":              {FieldRcvWscale, 14, map[Field]uint64{FieldOptions: OptionWScale}, true},
		"total_retrans all ones":  {FieldTotalRetrans, unsetU32, nil, true},
		"delivery_rate all ones":  {FieldDeliveryRate, unsetU64, nil, true},
		"fastopen_client_fail":    {FieldFastopenClientFail, 3, map[Field]uint64{FieldAppLimited: 1}, true},
		"app_limited beside fail": {FieldAppLimited, 1, map[Field]uint64{FieldFastopenClientFail: 2}, true},
	} {
		fields := map[Field]uint64{test.field: test.value}
		maps.Copy(fields, test.others)
		info := infoWith(StateEstablished, false, fields)
		got, ok := info.Get(test.field)
		if ok != test.want || info.Has(test.field) != test.want || (ok && got != test.value) || (!ok && got != 0) {
			t.Errorf("%s: %d, %v; want %d, %v", name, got, ok, test.value, test.want)
		}
	}
}

// TestPresenceByState lists the fields that are undefined in a state.
func TestPresenceByState(t *testing.T) {
	everything := map[Field]uint64{}
	for f := range NumFields {
		everything[f] = 1
	}
	everything[FieldOptions] = OptionWScale
	listening := map[Field]bool{
		FieldUnacked: true, FieldSacked: true, FieldReordering: true, FieldSndCwnd: true,
		FieldPacingRate: true, FieldMaxPacingRate: true,
	}
	clocks := map[Field]bool{FieldLastDataSent: true, FieldLastDataRecv: true, FieldLastAckRecv: true}
	for s := StateEstablished; s < NumStates; s++ {
		info := infoWith(s, false, everything)
		for f := range NumFields {
			want := true
			switch s {
			case StateListen:
				want = listening[f]
			case StateSynSent:
				want = !clocks[f]
			}
			if got := info.Has(f); got != want {
				t.Errorf("%v in %v: %v, want %v", f, s, got, want)
			}
		}
	}
}

func TestEmptyInfo(t *testing.T) {
	var info TCPInfo
	for f := range NumFields + 3 {
		if v, ok := info.Get(f); ok || v != 0 || info.Has(f) {
			t.Errorf("the zero value has %v: %d", f, v)
		}
	}
	full := infoWith(StateEstablished, false, nil)
	if _, ok := full.Get(NumFields); ok {
		t.Error("a field beyond the last one exists")
	}
	if info.Len() != 0 || full.Len() != MaxInfoSize {
		t.Errorf("lengths are %d and %d", info.Len(), full.Len())
	}
}

// TestPackedAccECN reads the last four bytes in both layouts, which have the same length.
func TestPackedAccECN(t *testing.T) {
	raw := make([]byte, MaxInfoSize)
	// ecn_mode 2, accecn_opt_seen 3, accecn_fail_mode 9, options2 0x123456.
	binary.NativeEndian.PutUint32(raw[offAccECN:], 0x12345600|9<<4|3<<2|2)
	for _, test := range []struct {
		release  string
		seen     uint64
		failMode uint64
	}{
		{"7.0.1-rc3", 3, 9},
		{"7.1", 3, 9},
		{"10.2.0", 3, 9},
		{"6.18.0-amd64", 0x1234, 0x5600 | 9<<4 | 3<<2 | 2},
		{"6.19.7", 0x1234, 0x5600 | 9<<4 | 3<<2 | 2},
		{"", 0x1234, 0x5600 | 9<<4 | 3<<2 | 2},
		{"next", 0x1234, 0x5600 | 9<<4 | 3<<2 | 2},
	} {
		if hostByteOrder() != "little" {
			t.Skip("the numbers are those of a little-endian host")
		}
		var s Socket
		must(t, decodeSocket(&s, diagRow(FamilyIPv4, 1, 1, attr(attrInfo, raw)), packedAccECN(test.release)))
		seen, ok := s.Info.Get(FieldAccECNOptSeen)
		failMode, ok2 := s.Info.Get(FieldAccECNFailMode)
		if !ok || !ok2 || seen != test.seen || failMode != test.failMode {
			t.Errorf("Linux %q: seen %#x, fail mode %#x; want %#x, %#x", test.release, seen, failMode, test.seen, test.failMode)
		}
		if s.Info.Len() != MaxInfoSize {
			t.Errorf("Linux %q: length %d", test.release, s.Info.Len())
		}
	}
}

// TestFieldSince checks the releases of some fields. Other tests compare the lengths with
// the C headers.
func TestFieldSince(t *testing.T) {
	for f, want := range map[Field]string{
		FieldRTT: "2.6", FieldTotalRetrans: "2.6", FieldPacingRate: "3.15", FieldBytesAcked: "4.1", FieldSegsIn: "4.2", FieldMinRTT: "4.6",
		FieldDeliveryRate: "4.9", FieldAppLimited: "4.9", FieldBusyTime: "4.10", FieldDelivered: "4.18", FieldBytesSent: "4.19",
		FieldSndWnd: "5.4", FieldRehash: "6.2", FieldTotalRTO: "6.7", FieldReceivedCE: "6.18", NumFields: "",
	} {
		if got := f.Since(); got != want {
			t.Errorf("%v exists since %q, want %q", f, got, want)
		}
	}

	for f := range NumFields {
		if f.Since() == "" {
			t.Errorf("%v has no release", f)
		}
	}
}
