package api

import (
	"encoding/json"
	"strconv"

	v1 "tcphealth_exporter/api/v1"
	"tcphealth_exporter/health"
	"tcphealth_exporter/sampler"
)

// newConnection renders a connection. kernel determines which fields exist.
func newConnection(f *health.Found, kernel *sampler.TCPInfo) *v1.Connection {
	c := &v1.Connection{
		LocalAddress:  f.LocalAddress,
		LocalPort:     json.Number(f.LocalPort),
		RemoteAddress: f.RemoteAddress,
		RemotePort:    json.Number(f.RemotePort),
		Cookie:        "0x" + strconv.FormatUint(f.Cookie, 16),
		State:         f.State.String(),
		Idle:          f.Idle,
		Status:        f.Status.String(),
		StatusSince:   v1.Timestamp(f.StatusSince),
		Score:         f.Score,
		Points:        f.Points,
		SafeToSend:    f.SafeToSend,
		Flags:         []string{},
		Cause:         f.Cause.String(),
		Reasons:       append([]string{}, f.Reasons...),
		FirstSeen:     v1.Timestamp(f.FirstSeen),
		Trend:         newTrend(&f.Trend),
	}

	for flag := range f.Flags.All() {
		c.Flags = append(c.Flags, flag.String())
	}

	if !f.Ended.IsZero() {
		c.Ended = v1.Timestamp(f.Ended)
	}

	if !f.RowAt.IsZero() {
		c.ReadAt, c.Socket, c.TCPInfo = v1.Timestamp(f.RowAt), newSocket(&f.Row), newTCPInfo(&f.Row.Info)
	}

	for i := range f.Window {
		c.Samples = append(c.Samples, newSample(&f.Window[i], kernel))
	}

	return c
}

func newSocket(row *sampler.Socket) *v1.Socket {
	return &v1.Socket{
		SendQueue:        row.SendQueue,
		ReceiveQueue:     row.RecvQueue,
		Timer:            row.Timer.String(),
		TimerExpires:     float64(row.Expires) / 1e3,
		TimerRetransmits: row.TimerRetrans,
		UID:              row.UID,
		Inode:            row.Inode,
		Congestion:       row.CongestionName(),
	}
}

// newSample renders a sample under the names that its figures have elsewhere.
func newSample(s *health.Sample, kernel *sampler.TCPInfo) v1.Figures {
	const usPerMS = 1000

	f := make(v1.Figures, 0, 512)
	f.AddTime("at", s.At)
	f.AddCount("send_queue_bytes", uint64(s.SendQueue))
	f.AddCount("receive_queue_bytes", uint64(s.RecvQueue))

	for _, figure := range []struct {
		field sampler.Field
		value uint64
	}{
		{sampler.FieldNotsentBytes, uint64(s.Notsent)},
		{sampler.FieldBytesSent, s.BytesSent},
		{sampler.FieldBytesRetrans, s.BytesRetrans},
		{sampler.FieldDataSegsOut, uint64(s.DataSegsOut)},
		{sampler.FieldTotalRetrans, uint64(s.TotalRetrans)},
		{sampler.FieldDSACKDups, uint64(s.DSACKDups)},
		{sampler.FieldDelivered, uint64(s.Delivered)},
		{sampler.FieldDeliveredCE, uint64(s.DeliveredCE)},
		{sampler.FieldSndCwnd, uint64(s.Cwnd)},
		{sampler.FieldBusyTime, uint64(s.Busy) * usPerMS},
		{sampler.FieldRwndLimited, uint64(s.ReceiverLimited) * usPerMS},
		{sampler.FieldSndbufLimited, uint64(s.SndbufLimited) * usPerMS},
	} {
		if kernel.Has(figure.field) {
			addField(&f, figure.field, figure.value)
		}
	}

	return f
}
