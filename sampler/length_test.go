package sampler

import (
	"slices"
	"testing"
)

// infoGrowthTable has the fields that each length of tcp_info adds. Lengths that no
// kernel has split a pair of fields.
var infoGrowthTable = []struct {
	length int
	kernel string // empty for a length that no kernel has
	fields []Field
}{
	{0, "", nil},
	{7, "", []Field{FieldCAState, FieldRetransmits, FieldProbes, FieldBackoff, FieldOptions, FieldSndWscale, FieldRcvWscale}},
	{103, "", []Field{
		FieldRTO, FieldATO, FieldSndMSS, FieldRcvMSS, FieldUnacked, FieldSacked, FieldLost, FieldRetrans,
		FieldLastDataSent, FieldLastDataRecv, FieldLastAckRecv, FieldPMTU, FieldRcvSsthresh, FieldRTT, FieldRTTVar,
		FieldSndSsthresh, FieldSndCwnd, FieldAdvMSS, FieldReordering, FieldRcvRTT, FieldRcvSpace,
	}},
	{104, "2.6", []Field{FieldTotalRetrans}},
	{119, "", []Field{FieldPacingRate}},
	{120, "3.15", []Field{FieldMaxPacingRate}},
	{136, "4.1", []Field{FieldBytesAcked, FieldBytesReceived}},
	{144, "4.2", []Field{FieldSegsOut, FieldSegsIn}},
	{160, "4.6", []Field{FieldNotsentBytes, FieldMinRTT, FieldDataSegsIn, FieldDataSegsOut}},
	{167, "", nil},
	{168, "4.9", []Field{FieldDeliveryRate, FieldAppLimited}},
	{192, "4.10", []Field{FieldBusyTime, FieldRwndLimited, FieldSndbufLimited}},
	{196, "", []Field{FieldDelivered}},
	{200, "4.18", []Field{FieldDeliveredCE}},
	{224, "4.19", []Field{FieldBytesSent, FieldBytesRetrans, FieldDSACKDups, FieldReordSeen}},
	{228, "", []Field{FieldRcvOOOPack}},
	{232, "5.4", []Field{FieldSndWnd, FieldFastopenClientFail}},
	{240, "6.2", []Field{FieldRcvWnd, FieldRehash}},
	{248, "6.7", []Field{FieldTotalRTO, FieldTotalRTORecoveries, FieldTotalRTOTime}},
	{280, "6.18", []Field{
		FieldReceivedCE, FieldDeliveredE1Bytes, FieldDeliveredE0Bytes, FieldDeliveredCEBytes, FieldReceivedE1Bytes,
		FieldReceivedE0Bytes, FieldReceivedCEBytes, FieldAccECNFailMode, FieldAccECNOptSeen,
	}},
	{300, "", nil},
}

// TestInfoLengths truncates the tcp_info of a recording as on older kernels: fields that
// fit keep their values, others are absent.
func TestInfoLengths(t *testing.T) {
	datagrams := sceneDatagrams(t)
	full := decodeAll(t, datagrams)
	var exists []Field
	for _, step := range infoGrowthTable {
		exists = append(exists, step.fields...)
		var cut [][]byte
		for _, d := range datagrams {
			cut = append(cut, withInfoLength(t, d, step.length))
		}
		sockets := decodeAll(t, cut)
		if len(sockets) != len(full) {
			t.Fatalf("%d bytes: %d sockets, want %d", step.length, len(sockets), len(full))
		}
		seen := map[Field]bool{}
		for i := range sockets {
			requireCut(t, &sockets[i], &full[i], step.length, exists)
			for f := range NumFields {
				seen[f] = seen[f] || sockets[i].Info.Has(f)
			}
		}
		for f := range NumFields {
			if seen[f] != slices.Contains(exists, f) {
				t.Errorf("%d bytes (Linux %s): %v exists: %v", step.length, step.kernel, f, seen[f])
			}
		}
	}
	if len(exists) != int(NumFields) {
		t.Errorf("the table has %d of %d fields", len(exists), NumFields)
	}
}

// requireCut compares a truncated socket with the full one.
func requireCut(t *testing.T, cut, full *Socket, length int, exists []Field) {
	t.Helper()
	if full.Info.Len() == 0 {
		if *cut != *full {
			t.Errorf("%d bytes: a socket without tcp_info is %+v, was %+v", length, cut, full)
		}
		return
	}
	if got := cut.Info.Len(); got != min(length, MaxInfoSize) {
		t.Errorf("%d bytes: Len is %d", length, got)
	}
	for f := range NumFields {
		got, ok := cut.Info.Get(f)
		want, wanted := full.Info.Get(f)
		if !slices.Contains(exists, f) {
			want, wanted = 0, false
		}
		if got != want || ok != wanted || cut.Info.Has(f) != wanted {
			t.Errorf("%d bytes, %v: %v is %d, %v; want %d, %v", length, cut.State, f, got, ok, want, wanted)
		}
	}
	rest, restFull := *cut, *full
	rest.Info, restFull.Info = TCPInfo{}, TCPInfo{}
	if rest != restFull {
		t.Errorf("%d bytes: the rest is %+v, was %+v", length, rest, restFull)
	}
}

// TestInfoGetters compares the methods that read without the table with Get, for a full
// and for shorter tcp_info.
func TestInfoGetters(t *testing.T) {
	getters := map[Field]func(*TCPInfo) uint64{
		FieldCAState:       func(i *TCPInfo) uint64 { return uint64(i.CAState()) },
		FieldRetransmits:   func(i *TCPInfo) uint64 { return uint64(i.Retransmits()) },
		FieldProbes:        func(i *TCPInfo) uint64 { return uint64(i.Probes()) },
		FieldBackoff:       func(i *TCPInfo) uint64 { return uint64(i.Backoff()) },
		FieldRTO:           func(i *TCPInfo) uint64 { return uint64(i.RTO()) },
		FieldSndMSS:        func(i *TCPInfo) uint64 { return uint64(i.SndMSS()) },
		FieldUnacked:       func(i *TCPInfo) uint64 { return uint64(i.Unacked()) },
		FieldSacked:        func(i *TCPInfo) uint64 { return uint64(i.Sacked()) },
		FieldLost:          func(i *TCPInfo) uint64 { return uint64(i.Lost()) },
		FieldLastDataSent:  func(i *TCPInfo) uint64 { return uint64(i.LastDataSent()) },
		FieldLastDataRecv:  func(i *TCPInfo) uint64 { return uint64(i.LastDataRecv()) },
		FieldLastAckRecv:   func(i *TCPInfo) uint64 { return uint64(i.LastAckRecv()) },
		FieldRTT:           func(i *TCPInfo) uint64 { return uint64(i.RTT()) },
		FieldRTTVar:        func(i *TCPInfo) uint64 { return uint64(i.RTTVar()) },
		FieldSndCwnd:       func(i *TCPInfo) uint64 { return uint64(i.SndCwnd()) },
		FieldTotalRetrans:  func(i *TCPInfo) uint64 { return uint64(i.TotalRetrans()) },
		FieldBytesAcked:    (*TCPInfo).BytesAcked,
		FieldBytesReceived: (*TCPInfo).BytesReceived,
		FieldNotsentBytes:  func(i *TCPInfo) uint64 { return uint64(i.NotsentBytes()) },
		FieldSegsOut:       func(i *TCPInfo) uint64 { return uint64(i.SegsOut()) },
		FieldRcvOOOPack:    func(i *TCPInfo) uint64 { return uint64(i.RcvOOOPack()) },
		FieldDataSegsOut:   func(i *TCPInfo) uint64 { return uint64(i.DataSegsOut()) },
		FieldDeliveryRate:  (*TCPInfo).DeliveryRate,
		FieldBusyTime:      (*TCPInfo).BusyTime,
		FieldRwndLimited:   (*TCPInfo).RwndLimited,
		FieldSndbufLimited: (*TCPInfo).SndbufLimited,
		FieldDelivered:     func(i *TCPInfo) uint64 { return uint64(i.Delivered()) },
		FieldDeliveredCE:   func(i *TCPInfo) uint64 { return uint64(i.DeliveredCE()) },
		FieldBytesSent:     (*TCPInfo).BytesSent,
		FieldBytesRetrans:  (*TCPInfo).BytesRetrans,
		FieldDSACKDups:     func(i *TCPInfo) uint64 { return uint64(i.DSACKDups()) },
		FieldSndWnd:        func(i *TCPInfo) uint64 { return uint64(i.SndWnd()) },
	}
	// Every byte differs from its neighbors, so that no two fields are equal.
	payload := make([]byte, MaxInfoSize)
	for i := range payload {
		payload[i] = byte(37*i + i/7)
	}
	payload[offState] = byte(StateEstablished)
	for length := range MaxInfoSize + 1 {
		var info TCPInfo
		info.set(payload[:length], false)
		for f, get := range getters {
			want, ok := info.Get(f)
			got := get(&info)
			if ok && got != want {
				t.Errorf("%d bytes: %v is %d, want %d", length, f, got, want)
			}
			if length <= int(fieldTable[f].offset) && got != 0 {
				t.Errorf("%d bytes: absent %v is %d", length, f, got)
			}
		}
	}
}
