package sstext

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// ErrAbsent says that a line has no value for a key. As ss leaves out most values that are zero, it is for the caller to
// know whether absent means zero.
var ErrAbsent = errors.New("ss did not print it")

var errRange = errors.New("out of range")

// scaleTable gives the factors of the letters before "bps", which ss prints where it was not asked for plain numbers. They
// are powers of 1000.
var scaleTable = map[byte]float64{'k': 1e3, 'K': 1e3, 'M': 1e6, 'G': 1e9, 'T': 1e12}

// Uint returns a value as an integer, decimal or, with 0x before it, hexadecimal. Of a value in several parts, such as
// "0/5", it is the first. The error wraps [ErrAbsent] if there is no such value.
func (r Row) Uint(key string) (uint64, error) {
	text, err := r.first(key)
	if err != nil {
		return 0, err
	}
	base := 10
	if digits, ok := strings.CutPrefix(text, "0x"); ok {
		text, base = digits, 16
	}
	n, err := strconv.ParseUint(text, base, 64)
	return n, r.wrap(key, err)
}

// Float returns a value as a number without a unit. Of a value in several parts it is the first. The error wraps
// [ErrAbsent] if there is no such value.
func (r Row) Float(key string) (float64, error) {
	text, err := r.first(key)
	if err != nil {
		return 0, err
	}
	n, err := parseNumber(text)
	return n, r.wrap(key, err)
}

// Millis returns a value that ss prints in milliseconds, with the unit, as "busy:4ms", or without, as "rto:204". Of a
// value in several parts it is the first. Tcp_info has the rtt, rttvar, minrtt, rcv_rtt, rto and ato in microseconds;
// ss prints six significant digits of them. The error wraps [ErrAbsent] if there is no such value.
func (r Row) Millis(key string) (time.Duration, error) {
	text, err := r.first(key)
	if err != nil {
		return 0, err
	}
	n, err := parseNumber(strings.TrimSuffix(text, "ms"))
	if err != nil {
		return 0, r.wrap(key, err)
	}
	nanos := math.Round(n * float64(time.Millisecond))
	if nanos >= math.MaxInt64 {
		return 0, r.wrap(key, errRange)
	}
	return time.Duration(nanos), nil
}

// Bits returns a rate in bits per second, of which tcp_info has an eighth, in bytes: the value of "send", "pacing_rate",
// "max_pacing_rate", "delivery_rate" or "bbr.bw". The error wraps [ErrAbsent] if there is no such value.
func (r Row) Bits(key string) (float64, error) {
	text, err := r.first(key)
	if err != nil {
		return 0, err
	}
	text = strings.TrimSuffix(text, "bps")
	scale := 1.0
	if last := len(text) - 1; last > 0 && scaleTable[text[last]] != 0 {
		text, scale = text[:last], scaleTable[text[last]]
	}
	n, err := parseNumber(text)
	return n * scale, r.wrap(key, err)
}

// first returns the first part of a value.
func (r Row) first(key string) (string, error) {
	text, ok := r.Values[key]
	if !ok {
		return "", fmt.Errorf("%s: %w", key, ErrAbsent)
	}
	if end := strings.IndexAny(text, "/,("); end >= 0 {
		text = text[:end]
	}
	return text, nil
}

// wrap says which value an error is about.
func (r Row) wrap(key string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s of %q: %w", key, r.Values[key], err)
}

// parseNumber reads a number that is finite and not negative.
func parseNumber(text string) (float64, error) {
	n, err := strconv.ParseFloat(text, 64)
	if err == nil && (math.IsNaN(n) || math.IsInf(n, 0) || n < 0) {
		err = errRange
	}
	if err != nil {
		return 0, err
	}
	return n, nil
}
