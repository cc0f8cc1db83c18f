package sstext

import (
	"testing"
	"time"
)

func TestParseTimeLeft(t *testing.T) {
	tests := []struct {
		text string
		want time.Duration
	}{
		{"", 0},
		{"004ms", 4 * time.Millisecond},
		{"204ms", 204 * time.Millisecond},
		{"3.052ms", 3052 * time.Millisecond},
		{"9sec", 9 * time.Second},
		{"4.2sec", 4200 * time.Millisecond},
		{"59sec", 59 * time.Second},
		{"1min3sec", 63 * time.Second},
		{"2min", 2 * time.Minute},
		{"119min", 119 * time.Minute},
	}
	for _, tt := range tests {
		if got, err := parseTimeLeft(tt.text); err != nil || got != tt.want {
			t.Errorf("parseTimeLeft(%q) = %v, %v; want %v", tt.text, got, err, tt.want)
		}
	}
}

func TestParseTimeLeftErrors(t *testing.T) {
	for _, text := range []string{"12", "ms", "-5ms", "1.ms2", "soon", "99999999999999min"} {
		if got, err := parseTimeLeft(text); err == nil {
			t.Errorf("parseTimeLeft(%q) = %v, want an error", text, got)
		}
	}
}

func TestParseTimerWithoutTime(t *testing.T) {
	want := Timer{Name: "on", Retrans: 2}
	if got, err := parseTimer("(on,,2)"); err != nil || got != want {
		t.Errorf("parseTimer = %+v, %v; want %+v", got, err, want)
	}
}
