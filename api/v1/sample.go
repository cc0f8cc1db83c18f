package v1

import (
	"encoding/json"
	"strconv"
)

// Sample is one sample in the window of a connection.
type Sample struct {
	// At is the time of the sample.
	At Time
	// SendQueue is unacknowledged and unsent data, ReceiveQueue data that the
	// application has not read, both in bytes.
	SendQueue, ReceiveQueue uint32
	// TCPInfo has a few fields of struct tcp_info under the names that they have in
	// [Connection]; in JSON they are members of the sample. Counters count from the
	// start of the connection; times are modulo 49.7 days.
	TCPInfo Fields
}

const (
	atName           = "at"
	sendQueueName    = "send_queue_bytes"
	receiveQueueName = "receive_queue_bytes"
)

// MarshalJSON implements [json.Marshaler].
func (s Sample) MarshalJSON() ([]byte, error) {
	const others = 128

	b := make([]byte, 0, others+len(s.TCPInfo.text))
	b = append(b, `{"`+atName+`":"`...)
	b = s.At.UTC().AppendFormat(b, layout)
	b = append(b, `","`+sendQueueName+`":`...)
	b = strconv.AppendUint(b, uint64(s.SendQueue), 10)
	b = append(b, `,"`+receiveQueueName+`":`...)
	b = strconv.AppendUint(b, uint64(s.ReceiveQueue), 10)

	if s.TCPInfo.IsZero() {
		return append(b, '}'), nil
	}

	return append(append(b, ','), s.TCPInfo.text[1:]...), nil
}

// UnmarshalJSON implements [json.Unmarshaler].
func (s *Sample) UnmarshalJSON(text []byte) error {
	*s = Sample{TCPInfo: NewFields(len(text))}

	return eachMember(text, func(name string, value json.RawMessage) error {
		switch name {
		case atName:
			return json.Unmarshal(value, &s.At)
		case sendQueueName:
			return json.Unmarshal(value, &s.SendQueue)
		case receiveQueueName:
			return json.Unmarshal(value, &s.ReceiveQueue)
		default:
			return s.TCPInfo.addRaw(name, value)
		}
	})
}
