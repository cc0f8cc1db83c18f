package sstext

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

var (
	errUnbalanced = errors.New("unbalanced parentheses or quotes")
	errNoValue    = errors.New("a key without a value")
	errNoKey      = errors.New("a value without a key")
)

// compoundTable names the parts of values that have several, in their order. A part without a name is the one that the
// key itself stands for.
var compoundTable = map[string][2]string{
	"rtt":         {"", "rttvar"},
	"wscale":      {"snd_wscale", "rcv_wscale"},
	"retrans":     {"", "total_retrans"},
	"pacing_rate": {"", "max_pacing_rate"},
}

// otherWordTable has the words that are not the name of the congestion control: the halves of the connection that are
// open, the options, and the one word that comes later.
var otherWordTable = map[string]bool{
	"<->": true, "<--": true, "-->": true, "---": true,
	"ts": true, "sack": true, "ecn": true, "ecnseen": true, "fastopen": true, "app_limited": true,
}

// parseItems reads what follows the columns of a line.
func (r *Row) parseItems(text string) error {
	r.Values = map[string]string{}
	for text != "" {
		var item string
		var err error
		if item, text, err = cutItem(text); err != nil {
			return err
		}
		switch key, value, isPair := strings.Cut(item, ":"); {
		case isPair && value == "":
			if value, text, err = cutItem(text); err != nil || value == "" {
				return errors.Join(fmt.Errorf("%w: %q", errNoValue, key), err)
			}
			r.addValue(key, value)
		case isPair:
			r.addValue(key, value)
		case isRate(item):
			if err := r.addRate(item); err != nil {
				return err
			}
		default:
			r.Words = append(r.Words, item)
		}
	}
	return r.interpret()
}

// cutItem cuts the first item off a text. Spaces within parentheses or quotes belong to the item.
func cutItem(text string) (item, rest string, err error) {
	depth, quoted := 0, false
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == ' ' && depth == 0:
			return text[:i], strings.TrimLeft(text[i:], " "), nil
		}
	}
	if depth != 0 || quoted {
		return "", "", errUnbalanced
	}
	return text, "", nil
}

// isRate distinguishes a rate, the value of the previous word, from a word.
func isRate(item string) bool {
	return strings.HasSuffix(item, "bps") && item[0] >= '0' && item[0] <= '9'
}

// addRate adds a rate, whose key was taken for a word.
func (r *Row) addRate(rate string) error {
	last := len(r.Words) - 1
	if last < 0 {
		return fmt.Errorf("%w: %q", errNoKey, rate)
	}
	r.addValue(r.Words[last], rate)
	r.Words = r.Words[:last]
	return nil
}

// addValue adds a value and its parts.
func (r *Row) addValue(key, value string) {
	r.Values[key] = value
	if names, ok := compoundTable[key]; ok {
		for i, part := range strings.FieldsFunc(value, isPartSeparator) {
			if i < len(names) && names[i] != "" {
				r.Values[names[i]] = part
			}
		}
	}
	for _, element := range listElements(value) {
		if name, part, ok := strings.Cut(element, ":"); ok {
			r.Values[key+"."+name] = part
		}
	}
}

// isPartSeparator finds the ends of the parts of compound values.
func isPartSeparator(c rune) bool {
	return c == '/' || c == ','
}

// listElements returns the elements of a value in parentheses, and nothing for any other.
func listElements(value string) []string {
	list, opened := strings.CutPrefix(value, "(")
	list, closed := strings.CutSuffix(list, ")")
	if !opened || !closed {
		return nil
	}
	return strings.Split(list, ",")
}

// interpret fills the fields that have a meaning of their own from the values and words.
func (r *Row) interpret() error {
	timer, errTimer := parseTimer(r.Values["timer"])
	memory, errMemory := parseMemory(r.Values["skmem"])
	uid, errUID := r.integer("uid", 10, 32)
	inode, errInode := r.integer("ino", 10, 32)
	cookie, errCookie := r.integer("sk", 16, 64)
	if err := errors.Join(errTimer, errMemory, errUID, errInode, errCookie); err != nil {
		return err
	}
	r.Timer, r.Memory = timer, memory
	r.UID, r.Inode, r.SocketCookie = uint32(uid), uint32(inode), cookie
	r.Cgroup = r.Values["cgroup"]
	if i := slices.IndexFunc(r.Words, isCongestion); i >= 0 {
		r.Congestion = r.Words[i]
	}
	return nil
}

// integer returns a value as an integer, 0 if there is no such value.
func (r *Row) integer(key string, base, bits int) (uint64, error) {
	text, ok := r.Values[key]
	if !ok {
		return 0, nil
	}
	n, err := strconv.ParseUint(text, base, bits)
	return n, r.wrap(key, err)
}

// isCongestion distinguishes the name of the congestion control algorithm from the words that ss prints before it or without it.
func isCongestion(word string) bool {
	return !otherWordTable[word] && !strings.HasPrefix(word, "tcp-ulp-")
}
