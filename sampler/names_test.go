package sampler

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
)

func addrPort(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

func TestEndpoint(t *testing.T) {
	for text, want := range map[string]string{
		"192.0.2.1:80":          "192.0.2.1:80",
		"[::ffff:192.0.2.1]:80": "192.0.2.1:80",
		"[2001:db8::1]:443":     "[2001:db8::1]:443",
		"[fe80::1%eth0]:1":      "[fe80::1]:1",
		"[::]:0":                "[::]:0",
		"0.0.0.0:0":             "0.0.0.0:0",
	} {
		e := endpointFrom(addrPort(text))
		if got := e.AddrPort().String(); got != want {
			t.Errorf("%s becomes %s, want %s", text, got, want)
		}
		if again := endpointFrom(e.AddrPort()); again != e {
			t.Errorf("%s does not round-trip: %v", text, again)
		}
	}
	if endpointFrom(addrPort("192.0.2.1:80")) != endpointFrom(addrPort("[::ffff:192.0.2.1]:80")) {
		t.Error("equal endpoints differ")
	}
}

func TestAttrs(t *testing.T) {
	s := Socket{Attrs: HasInfo | HasMark}
	if !s.Has(HasInfo) || !s.Has(HasInfo|HasMark) || s.Has(HasInfo|HasBBR) || s.Has(HasBBR) || !s.Has(0) {
		t.Errorf("Has is wrong for %b", s.Attrs)
	}
	seen := Attrs(0)
	for _, a := range []Attrs{HasInfo, HasSkMem, HasDrops, HasCongestion, HasCgroup, HasMark, HasShutdown, HasBBR, HasVegas, HasDCTCP} {
		if a == 0 || seen&a != 0 {
			t.Errorf("%b is used twice", a)
		}
		seen |= a
	}
}

func TestCongestionName(t *testing.T) {
	for want, raw := range map[string][16]byte{
		"":                 {},
		"bbr":              {'b', 'b', 'r'},
		"0123456789abcdef": [16]byte([]byte("0123456789abcdef")),
	} {
		s := Socket{Congestion: raw}
		if got := s.CongestionName(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestNames(t *testing.T) {
	for want, got := range map[string]fmt.Stringer{
		"ESTABLISHED": State(1), "SYN_SENT": State(2), "SYN_RECV": State(3), "FIN_WAIT1": State(4), "FIN_WAIT2": State(5),
		"TIME_WAIT": State(6), "CLOSE": State(7), "CLOSE_WAIT": State(8), "LAST_ACK": State(9), "LISTEN": State(10),
		"CLOSING": State(11), "STATE_0": State(0), "STATE_12": State(12), "STATE_255": State(255),
		"none": Timer(0), "retransmit": Timer(1), "keepalive": Timer(2), "time_wait": Timer(3),
		"zero_window_probe": Timer(4), "delayed_ack": Timer(5), "timer_6": Timer(6), "timer_255": Timer(255),
		"open": CAState(0), "disorder": CAState(1), "cwr": CAState(2), "recovery": CAState(3), "loss": CAState(4),
		"ca_state_5": CAState(5), "ca_state_255": CAState(255),
		"ca_state": FieldCAState, "total_retrans": FieldTotalRetrans, "accecn_opt_seen": NumFields - 1,
		"unknown": NumFields,
	} {
		if got.String() != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestFieldTable checks that each field has a unique name, and none exceeds the end.
func TestFieldTable(t *testing.T) {
	valid := regexp.MustCompile(`^[a-z][a-z0-9_]+$`)
	names := map[string]bool{}
	last := uint16(0)
	for f := range NumFields {
		spec := &fieldTable[f]
		if !valid.MatchString(spec.name) || names[spec.name] {
			t.Errorf("field %d is called %q", f, spec.name)
		}
		names[spec.name] = true
		if !slices.Contains([]uint16{1, 2, 4, 8}, spec.width) || spec.offset%spec.width != 0 || spec.end() > MaxInfoSize {
			t.Errorf("%v has %d bytes at %d", f, spec.width, spec.offset)
		}
		if spec.offset < last {
			t.Errorf("%v is before its predecessor", f)
		}
		last = spec.offset
	}
	if end := fieldTable[NumFields-1].end(); end != MaxInfoSize {
		t.Errorf("the last field ends at %d of %d bytes", end, MaxInfoSize)
	}
}

func TestStates(t *testing.T) {
	if ConnectionStates != 0xb36 || ListenStates != 0x400 {
		t.Errorf("masks are %#x and %#x", ConnectionStates, ListenStates)
	}
	for s := range State(NumStates) {
		want := slices.Contains([]State{
			StateEstablished, StateSynSent, StateFinWait1, StateFinWait2, StateCloseWait, StateLastAck, StateClosing,
		}, s)
		if ConnectionStates.Has(s) != want || ListenStates.Has(s) != (s == StateListen) {
			t.Errorf("%v: %v, %v", s, ConnectionStates.Has(s), ListenStates.Has(s))
		}
	}
	if States(^uint32(0)).Has(32) || States(^uint32(0)).Has(255) || !States(^uint32(0)).Has(31) {
		t.Error("a set of 32 states has another one")
	}
}

func TestReasonOf(t *testing.T) {
	for want, errs := range map[Reason][]error{
		ReasonUnsupported: {syscall.ENOENT, syscall.EPROTONOSUPPORT, syscall.EOPNOTSUPP, os.NewSyscallError("socket", syscall.EPROTONOSUPPORT)},
		ReasonForbidden:   {syscall.EPERM, syscall.EACCES, syscall.EAFNOSUPPORT, syscall.ENOSYS},
		ReasonOverrun:     {ErrOverrun, syscall.ENOBUFS, os.NewSyscallError("recvfrom", syscall.ENOBUFS)},
		ReasonTimeout:     {os.ErrDeadlineExceeded, context.DeadlineExceeded, syscall.ETIMEDOUT},
		ReasonInterrupted: {ErrInterrupted, RecordedFailure(ReasonInterrupted)},
		ReasonMalformed:   {ErrMalformed, ErrTruncated},
		ReasonFiles:       {syscall.EMFILE, syscall.ENFILE, os.NewSyscallError("socket", syscall.EMFILE)},
		ReasonMemory: {
			syscall.ENOMEM, os.NewSyscallError("sendto", syscall.ENOMEM),
			os.NewSyscallError("socket", syscall.ENOBUFS), os.NewSyscallError("write", syscall.ENOBUFS),
		},
		ReasonOther: {errors.New("anything"), syscall.EBUSY, syscall.EINVAL, ErrRecording, nil, RecordedFailure(ReasonOther)},
	} {
		for _, err := range errs {
			if got := ReasonOf(err); got != want {
				t.Errorf("%v: %s, want %s", err, got, want)
			}
			wrapped := fmt.Errorf("dump: %w", fmt.Errorf("connections: %w", err))
			if got := ReasonOf(wrapped); got != want {
				t.Errorf("%v: %s, want %s", wrapped, got, want)
			}
			if got := ReasonOf(errors.Join(err, errors.New("close"))); got != want {
				t.Errorf("%v, joined: %s, want %s", err, got, want)
			}
		}
		if !slices.Contains(Reasons(), want) {
			t.Errorf("%s is not listed", want)
		}
	}
	if n := len(Reasons()); n != 9 {
		t.Errorf("%d reasons are listed", n)
	}
}

// TestHint checks that a hint names what to load, allow or raise.
func TestHint(t *testing.T) {
	hints := map[Reason][]string{
		ReasonUnsupported: {"inet_diag", "tcp_diag"},
		ReasonForbidden:   {"AF_NETLINK", "RestrictAddressFamilies="},
		ReasonTimeout:     {"stuck process"},
		ReasonFiles:       {"LimitNOFILE=", "fs.file-max"},
		ReasonMemory:      {"MemoryMax="},
	}
	for _, r := range Reasons() {
		got := r.Hint()
		if (got != "") != (hints[r] != nil) || strings.HasSuffix(got, ".") {
			t.Errorf("%s: %q", r, got)
		}
		for _, want := range hints[r] {
			if !strings.Contains(got, want) {
				t.Errorf("%s: %q does not name %s", r, got, want)
			}
		}
	}
}
