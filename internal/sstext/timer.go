package sstext

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

var (
	errTimer    = errors.New("not of the form (name,time,count)")
	errNegative = errors.New("negative time")
)

// unitTable turns the units of ss into those of time.ParseDuration.
var unitTable = strings.NewReplacer("min", "m", "sec", "s")

// parseTimer reads a timer of the form "(on,204ms,2)". No text is no timer.
func parseTimer(text string) (Timer, error) {
	if text == "" {
		return Timer{}, nil
	}
	elements := listElements(text)
	if len(elements) != 3 {
		return Timer{}, fmt.Errorf("the timer %q: %w", text, errTimer)
	}
	left, err := parseTimeLeft(elements[1])
	if err != nil {
		return Timer{}, err
	}
	count, err := strconv.ParseUint(elements[2], 10, 64)
	if err != nil {
		return Timer{}, fmt.Errorf("the timer %q: %w", text, err)
	}
	return Timer{Name: elements[0], Left: left, Retrans: count}, nil
}

// parseTimeLeft reads a time such as "204ms", "11sec", "1min3sec" and "2min". Two spellings of ss need care: it writes
// 3.052 seconds as "3.052ms", and no time at all as nothing.
func parseTimeLeft(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	spelled := unitTable.Replace(text)
	if number, ok := strings.CutSuffix(spelled, "ms"); ok && strings.Contains(number, ".") {
		spelled = number + "s"
	}
	left, err := time.ParseDuration(spelled)
	if err == nil && left < 0 {
		err = errNegative
	}
	if err != nil {
		return 0, fmt.Errorf("the time of a timer, %q: %w", text, err)
	}
	return left, nil
}
