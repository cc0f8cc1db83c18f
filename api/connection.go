package api

import (
	"strconv"
	"time"

	v1 "tcphealth_exporter/api/v1"
	"tcphealth_exporter/health"
	"tcphealth_exporter/sampler"
)

// newConnection converts a connection; kernel has the fields that the kernel reports.
func newConnection(f *health.Found, kernel *sampler.TCPInfo) v1.Connection {
	c := v1.Connection{
		LocalAddress:  f.LocalAddress,
		LocalPort:     portOf(f.LocalPort),
		RemoteAddress: f.RemoteAddress,
		RemotePort:    portOf(f.RemotePort),
		Cookie:        "0x" + strconv.FormatUint(f.Cookie, 16),
		State:         f.State.String(),
		Idle:          f.Idle,
		Status:        f.Status.String(),
		StatusSince:   timeOf(f.StatusSince),
		Score:         f.Score,
		Points:        f.Points,
		SafeToSend:    f.SafeToSend,
		Flags:         []string{},
		Cause:         f.Cause.String(),
		Reasons:       append([]string{}, f.Reasons...),
		FirstSeen:     timeOf(f.FirstSeen),
		Ended:         timeOf(f.Ended),
		Trend:         newTrend(&f.Trend),
		ReadAt:        timeOf(f.RowAt),

		NetworkNamespace: f.NetworkNamespace,
	}

	if !f.Ended.IsZero() {
		c.EndReason = f.EndReason.String()
	}

	if f.State == sampler.StateCloseWait && f.Ended.IsZero() {
		c.CloseWait = &f.CloseWait
	}

	if f.AbortKnown {
		c.AbortsIn = &f.AbortsIn
	}

	for flag := range f.Flags.All() {
		c.Flags = append(c.Flags, flag.String())
	}

	if !f.RowAt.IsZero() {
		c.Socket, c.TCPInfo = newSocket(&f.Row), newTCPInfo(&f.Row.Info)
	}

	for i := range f.Window {
		c.Samples = append(c.Samples, newSample(&f.Window[i], kernel))
	}

	return c
}

func timeOf(t time.Time) v1.Time { return v1.Time{Time: t} }

// portOf converts a port, which is text in labels.
func portOf(text string) uint16 {
	port, _ := strconv.ParseUint(text, 10, 16)

	return uint16(port)
}

func newSocket(row *sampler.Socket) *v1.Socket {
	return &v1.Socket{
		SendQueue:        row.SendQueue,
		ReceiveQueue:     row.RecvQueue,
		Timer:            row.Timer.String(),
		TimerExpires:     float64(row.Expires) / 1e3,
		TimerRetransmits: row.TimerRetrans,
		Inode:            row.Inode,
		Congestion:       row.CongestionName(),
	}
}

// newSample converts a sample.
func newSample(s *health.Sample, kernel *sampler.TCPInfo) v1.Sample {
	const (
		usPerMS = 1000
		size    = 512
	)

	f := v1.NewFields(size)

	for _, member := range []struct {
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
		if kernel.Has(member.field) {
			addField(&f, member.field, member.value)
		}
	}

	return v1.Sample{At: timeOf(s.At), SendQueue: s.SendQueue, ReceiveQueue: s.RecvQueue, TCPInfo: f}
}
