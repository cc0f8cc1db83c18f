package sstext

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestUint(t *testing.T) {
	row := parseOne(t, retransmitting+" fwmark:0x4d")
	for key, want := range map[string]uint64{
		"cwnd": 1, "backoff": 3, "bytes_retrans": 5000, "retrans": 1, "total_retrans": 4, "snd_wscale": 10, "fwmark": 0x4d,
	} {
		requireValue(t, row.Uint, key, want)
	}
}

func TestFloat(t *testing.T) {
	row := parseOne(t, zeroWindow)
	for key, want := range map[string]float64{
		"rtt": 5.151, "rttvar": 10.273, "minrtt": 0.012, "cwnd": 15, "bbr.pacing_gain": 2.88672,
	} {
		requireValue(t, row.Float, key, want)
	}
}

func TestMillis(t *testing.T) {
	row := parseOne(t, zeroWindow+" rcv_rtt:1.23457e+06")
	for key, want := range map[string]time.Duration{
		"rto": 208 * time.Millisecond, "rtt": 5151 * time.Microsecond, "rttvar": 10273 * time.Microsecond,
		"minrtt": 12 * time.Microsecond, "busy": 3520 * time.Millisecond, "rwnd_limited": 3520 * time.Millisecond,
		"lastack": 276 * time.Millisecond, "bbr.mrtt": 12 * time.Microsecond, "rcv_rtt": 1234570 * time.Millisecond,
	} {
		requireValue(t, row.Millis, key, want)
	}
}

func TestBits(t *testing.T) {
	row := parseOne(t, items("cubic bbr:(bw:2426287352bps) send 436Gbps pacing_rate 12.5kbps/97.6Mbps delivery_rate 1e+03Tbps"))
	for key, want := range map[string]float64{
		"bbr.bw": 2426287352, "send": 436e9, "pacing_rate": 12.5e3, "max_pacing_rate": 97.6e6, "delivery_rate": 1e15,
	} {
		requireValue(t, row.Bits, key, want)
	}
}

func TestAbsentValues(t *testing.T) {
	row := parseOne(t, timeWait)
	_, errUint := row.Uint("cwnd")
	_, errFloat := row.Float("cwnd")
	_, errMillis := row.Millis("cwnd")
	_, errBits := row.Bits("cwnd")
	for _, err := range []error{errUint, errFloat, errMillis, errBits} {
		if !errors.Is(err, ErrAbsent) || !strings.Contains(err.Error(), "cwnd") {
			t.Errorf("the error is %v, want %v of cwnd", err, ErrAbsent)
		}
	}
}

func TestMalformedValues(t *testing.T) {
	row := parseOne(t, items("a:x b:-1 c:Inf d:1e400 e:NaN f:1e300 g:G h:0xg i:1ns"))
	tests := []struct {
		key string
		get func(string) error
	}{
		{"a", discard(row.Uint)},
		{"b", discard(row.Uint)},
		{"h", discard(row.Uint)},
		{"a", discard(row.Float)},
		{"b", discard(row.Float)},
		{"c", discard(row.Float)},
		{"d", discard(row.Float)},
		{"e", discard(row.Float)},
		{"i", discard(row.Millis)},
		{"f", discard(row.Millis)},
		{"g", discard(row.Bits)},
	}
	for _, tt := range tests {
		if err := tt.get(tt.key); err == nil || errors.Is(err, ErrAbsent) || !strings.HasPrefix(err.Error(), tt.key+" of ") {
			t.Errorf("%q gives the error %v", row.Values[tt.key], err)
		}
	}
}

// discard makes a getter one that returns its error alone.
func discard[T any](get func(string) (T, error)) func(string) error {
	return func(key string) error {
		_, err := get(key)
		return err
	}
}

// requireValue fails the test unless the getter returns want for the key.
func requireValue[T comparable](t *testing.T, get func(string) (T, error), key string, want T) {
	t.Helper()
	if got, err := get(key); err != nil || got != want {
		t.Errorf("%s is %v, %v; want %v", key, got, err, want)
	}
}
