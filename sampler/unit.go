package sampler

// Unit is the unit of a field.
type Unit uint8

// The units.
const (
	// Number is the unit of states, exponents, bits and events.
	Number Unit = iota
	Segments
	Bytes
	BytesPerSecond
	Microseconds
	Milliseconds
)

// Unit returns the unit of the field in struct tcp_info.
func (f Field) Unit() Unit {
	switch f {
	case FieldRTO, FieldATO, FieldRTT, FieldRTTVar, FieldRcvRTT, FieldMinRTT, FieldBusyTime, FieldRwndLimited, FieldSndbufLimited:
		return Microseconds
	case FieldLastDataSent, FieldLastDataRecv, FieldLastAckRecv, FieldTotalRTOTime:
		return Milliseconds
	case FieldPacingRate, FieldMaxPacingRate, FieldDeliveryRate:
		return BytesPerSecond
	case FieldSndMSS, FieldRcvMSS, FieldAdvMSS, FieldPMTU, FieldRcvSsthresh, FieldRcvSpace, FieldBytesAcked, FieldBytesReceived,
		FieldNotsentBytes, FieldBytesSent, FieldBytesRetrans, FieldSndWnd, FieldRcvWnd,
		FieldDeliveredE1Bytes, FieldDeliveredE0Bytes, FieldDeliveredCEBytes,
		FieldReceivedE1Bytes, FieldReceivedE0Bytes, FieldReceivedCEBytes:
		return Bytes
	case FieldUnacked, FieldSacked, FieldLost, FieldRetrans, FieldSndSsthresh, FieldSndCwnd, FieldReordering, FieldTotalRetrans,
		FieldSegsOut, FieldSegsIn, FieldDataSegsIn, FieldDataSegsOut, FieldDelivered, FieldDeliveredCE, FieldDSACKDups,
		FieldRcvOOOPack, FieldReceivedCE:
		return Segments
	default:
		return Number
	}
}
