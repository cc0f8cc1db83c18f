package sampler

// Field names one field of struct tcp_info (uapi/linux/tcp.h). Two fields are omitted
// because the kernel never sets them: tcpi_fackets and tcpi_last_ack_sent.
type Field uint8

// The fields in the order of the structure.
const (
	FieldCAState Field = iota
	FieldRetransmits
	FieldProbes
	FieldBackoff
	FieldOptions
	FieldSndWscale
	FieldRcvWscale
	FieldAppLimited
	FieldFastopenClientFail
	FieldRTO
	FieldATO
	FieldSndMSS
	FieldRcvMSS
	FieldUnacked
	FieldSacked
	FieldLost
	FieldRetrans
	FieldLastDataSent
	FieldLastDataRecv
	FieldLastAckRecv
	FieldPMTU
	FieldRcvSsthresh
	FieldRTT
	FieldRTTVar
	FieldSndSsthresh
	FieldSndCwnd
	FieldAdvMSS
	FieldReordering
	FieldRcvRTT
	FieldRcvSpace
	FieldTotalRetrans
	FieldPacingRate
	FieldMaxPacingRate
	FieldBytesAcked
	FieldBytesReceived
	FieldSegsOut
	FieldSegsIn
	FieldNotsentBytes
	FieldMinRTT
	FieldDataSegsIn
	FieldDataSegsOut
	FieldDeliveryRate
	FieldBusyTime
	FieldRwndLimited
	FieldSndbufLimited
	FieldDelivered
	FieldDeliveredCE
	FieldBytesSent
	FieldBytesRetrans
	FieldDSACKDups
	FieldReordSeen
	FieldRcvOOOPack
	FieldSndWnd
	FieldRcvWnd
	FieldRehash
	FieldTotalRTO
	FieldTotalRTORecoveries
	FieldTotalRTOTime
	FieldReceivedCE
	FieldDeliveredE1Bytes
	FieldDeliveredE0Bytes
	FieldDeliveredCEBytes
	FieldReceivedE1Bytes
	FieldReceivedE0Bytes
	FieldReceivedCEBytes
	FieldAccECNFailMode
	FieldAccECNOptSeen

	// NumFields is the number of fields.
	NumFields
)

// Offsets of the fields that the hot path reads without the table.
const (
	offState         = 0
	offCAState       = 1
	offRetransmits   = 2
	offProbes        = 3
	offBackoff       = 4
	offOptions       = 5
	offRTO           = 8
	offSndMSS        = 16
	offUnacked       = 24
	offSacked        = 28
	offLost          = 32
	offLastDataSent  = 44
	offLastDataRecv  = 52
	offLastAckRecv   = 56
	offRTT           = 68
	offRTTVar        = 72
	offSndSsthresh   = 76
	offSndCwnd       = 80
	offTotalRetrans  = 100
	offBytesAcked    = 120
	offBytesReceived = 128
	offSegsOut       = 136
	offSegsIn        = 140
	offNotsentBytes  = 144
	offMinRTT        = 148
	offDataSegsIn    = 152
	offDataSegsOut   = 156
	offDeliveryRate  = 160
	offBusyTime      = 168
	offRwndLimited   = 176
	offSndbufLimited = 184
	offDelivered     = 192
	offDeliveredCE   = 196
	offBytesSent     = 200
	offBytesRetrans  = 208
	offDSACKDups     = 216
	offRcvOOOPack    = 224
	offSndWnd        = 228
	offAccECN        = 276
)

// fieldSpec is the position of a field: width bytes at offset, and for a bit field its
// bits after a shift. A field in bytes that are padding on older kernels sets need: the
// attribute length of the first kernel that has the field.
type fieldSpec struct {
	name        string
	offset      uint16
	width       uint16
	shift, bits uint8
	need        uint16
}

// end returns the minimum attribute length of a kernel that has the field.
func (f *fieldSpec) end() uint16 { return max(f.need, f.offset+f.width) }

// releaseTable has each length of tcp_info with the first release of that length.
var releaseTable = []struct {
	size    uint16
	release string
}{
	{104, "2.6"},
	{120, "3.15"},
	{136, "4.1"},
	{144, "4.2"},
	{160, "4.6"},
	{168, "4.9"},
	{192, "4.10"},
	{200, "4.18"},
	{224, "4.19"},
	{232, "5.4"},
	{240, "6.2"},
	{248, "6.7"},
	{280, "6.18"},
}

// Since returns the first Linux release with the field, such as "4.19".
// Distributions may backport it.
func (f Field) Since() string {
	if f >= NumFields {
		return ""
	}

	for _, r := range releaseTable {
		if fieldTable[f].end() <= r.size {
			return r.release
		}
	}

	return ""
}

var fieldTable = [NumFields]fieldSpec{
	FieldCAState:            {name: "ca_state", offset: offCAState, width: 1},
	FieldRetransmits:        {name: "retransmits", offset: offRetransmits, width: 1},
	FieldProbes:             {name: "probes", offset: offProbes, width: 1},
	FieldBackoff:            {name: "backoff", offset: offBackoff, width: 1},
	FieldOptions:            {name: "options", offset: offOptions, width: 1},
	FieldSndWscale:          {name: "snd_wscale", offset: 6, width: 1, bits: 4},
	FieldRcvWscale:          {name: "rcv_wscale", offset: 6, width: 1, shift: 4, bits: 4},
	FieldAppLimited:         {name: "delivery_rate_app_limited", offset: 7, width: 1, bits: 1, need: 168},
	FieldFastopenClientFail: {name: "fastopen_client_fail", offset: 7, width: 1, shift: 1, bits: 2, need: 232},
	FieldRTO:                {name: "rto", offset: offRTO, width: 4},
	FieldATO:                {name: "ato", offset: 12, width: 4},
	FieldSndMSS:             {name: "snd_mss", offset: offSndMSS, width: 4},
	FieldRcvMSS:             {name: "rcv_mss", offset: 20, width: 4},
	FieldUnacked:            {name: "unacked", offset: offUnacked, width: 4},
	FieldSacked:             {name: "sacked", offset: offSacked, width: 4},
	FieldLost:               {name: "lost", offset: offLost, width: 4},
	FieldRetrans:            {name: "retrans", offset: 36, width: 4},
	FieldLastDataSent:       {name: "last_data_sent", offset: offLastDataSent, width: 4},
	FieldLastDataRecv:       {name: "last_data_recv", offset: offLastDataRecv, width: 4},
	FieldLastAckRecv:        {name: "last_ack_recv", offset: offLastAckRecv, width: 4},
	FieldPMTU:               {name: "pmtu", offset: 60, width: 4},
	FieldRcvSsthresh:        {name: "rcv_ssthresh", offset: 64, width: 4},
	FieldRTT:                {name: "rtt", offset: offRTT, width: 4},
	FieldRTTVar:             {name: "rttvar", offset: offRTTVar, width: 4},
	FieldSndSsthresh:        {name: "snd_ssthresh", offset: offSndSsthresh, width: 4},
	FieldSndCwnd:            {name: "snd_cwnd", offset: offSndCwnd, width: 4},
	FieldAdvMSS:             {name: "advmss", offset: 84, width: 4},
	FieldReordering:         {name: "reordering", offset: 88, width: 4},
	FieldRcvRTT:             {name: "rcv_rtt", offset: 92, width: 4},
	FieldRcvSpace:           {name: "rcv_space", offset: 96, width: 4},
	FieldTotalRetrans:       {name: "total_retrans", offset: offTotalRetrans, width: 4},
	FieldPacingRate:         {name: "pacing_rate", offset: 104, width: 8},
	FieldMaxPacingRate:      {name: "max_pacing_rate", offset: 112, width: 8},
	FieldBytesAcked:         {name: "bytes_acked", offset: offBytesAcked, width: 8},
	FieldBytesReceived:      {name: "bytes_received", offset: offBytesReceived, width: 8},
	FieldSegsOut:            {name: "segs_out", offset: offSegsOut, width: 4},
	FieldSegsIn:             {name: "segs_in", offset: offSegsIn, width: 4},
	FieldNotsentBytes:       {name: "notsent_bytes", offset: offNotsentBytes, width: 4},
	FieldMinRTT:             {name: "min_rtt", offset: offMinRTT, width: 4},
	FieldDataSegsIn:         {name: "data_segs_in", offset: offDataSegsIn, width: 4},
	FieldDataSegsOut:        {name: "data_segs_out", offset: offDataSegsOut, width: 4},
	FieldDeliveryRate:       {name: "delivery_rate", offset: offDeliveryRate, width: 8},
	FieldBusyTime:           {name: "busy_time", offset: offBusyTime, width: 8},
	FieldRwndLimited:        {name: "rwnd_limited", offset: offRwndLimited, width: 8},
	FieldSndbufLimited:      {name: "sndbuf_limited", offset: offSndbufLimited, width: 8},
	FieldDelivered:          {name: "delivered", offset: offDelivered, width: 4},
	FieldDeliveredCE:        {name: "delivered_ce", offset: offDeliveredCE, width: 4},
	FieldBytesSent:          {name: "bytes_sent", offset: offBytesSent, width: 8},
	FieldBytesRetrans:       {name: "bytes_retrans", offset: offBytesRetrans, width: 8},
	FieldDSACKDups:          {name: "dsack_dups", offset: offDSACKDups, width: 4},
	FieldReordSeen:          {name: "reord_seen", offset: 220, width: 4},
	FieldRcvOOOPack:         {name: "rcv_ooopack", offset: offRcvOOOPack, width: 4},
	FieldSndWnd:             {name: "snd_wnd", offset: offSndWnd, width: 4},
	FieldRcvWnd:             {name: "rcv_wnd", offset: 232, width: 4},
	FieldRehash:             {name: "rehash", offset: 236, width: 4},
	FieldTotalRTO:           {name: "total_rto", offset: 240, width: 2},
	FieldTotalRTORecoveries: {name: "total_rto_recoveries", offset: 242, width: 2},
	FieldTotalRTOTime:       {name: "total_rto_time", offset: 244, width: 4},
	FieldReceivedCE:         {name: "received_ce", offset: 248, width: 4},
	FieldDeliveredE1Bytes:   {name: "delivered_e1_bytes", offset: 252, width: 4},
	FieldDeliveredE0Bytes:   {name: "delivered_e0_bytes", offset: 256, width: 4},
	FieldDeliveredCEBytes:   {name: "delivered_ce_bytes", offset: 260, width: 4},
	FieldReceivedE1Bytes:    {name: "received_e1_bytes", offset: 264, width: 4},
	FieldReceivedE0Bytes:    {name: "received_e0_bytes", offset: 268, width: 4},
	FieldReceivedCEBytes:    {name: "received_ce_bytes", offset: 272, width: 4},
	FieldAccECNFailMode:     {name: "accecn_fail_mode", offset: offAccECN, width: 2},
	FieldAccECNOptSeen:      {name: "accecn_opt_seen", offset: offAccECN + 2, width: 2},
}

// String returns the kernel's name of the field without its tcpi_ prefix.
func (f Field) String() string {
	if f < NumFields {
		return fieldTable[f].name
	}

	return "unknown"
}
