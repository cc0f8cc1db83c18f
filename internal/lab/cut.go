package lab

import (
	"bytes"
	"encoding/binary"
	"errors"
)

// infoSizeTable are the lengths of tcp_info that kernels have had, from Linux 2.6 to 6.7.
var infoSizeTable = []int{104, 120, 136, 144, 160, 168, 192, 200, 224, 232, 240, 248}

// errTape says that a recording is not one.
var errTape = errors.New("not a recording")

// The format of a recording, see the package sampler.
const (
	sizeofFrame    = 16
	sizeofChecksum = 4
	frameDatagram  = 2
	attrInfo       = 2
)

// cutInfo returns a recording as a kernel with a shorter tcp_info would have made it.
func cutInfo(tape []byte, size int) ([]byte, error) {
	magic := bytes.IndexByte(tape, '\n') + 1
	if magic < 2 {
		return nil, errTape
	}
	trailer := 0
	if tape[magic-2] == '2' {
		trailer = sizeofChecksum
	}
	out := bytes.Clone(tape[:magic])
	out[magic-2] = '1' // without checksums
	for b := tape[magic:]; len(b) > 0; {
		if len(b) < sizeofFrame {
			return nil, errTape
		}
		kind, length := binary.LittleEndian.Uint32(b), int(binary.LittleEndian.Uint32(b[4:]))
		if len(b) < sizeofFrame+length+trailer {
			return nil, errTape
		}
		payload := b[sizeofFrame : sizeofFrame+length]
		if kind == frameDatagram {
			payload = cutDatagram(payload, size)
		}
		out = binary.LittleEndian.AppendUint32(out, kind)
		out = binary.LittleEndian.AppendUint32(out, uint32(len(payload)))
		out = append(out, b[8:sizeofFrame]...)
		out = append(out, payload...)
		b = b[sizeofFrame+length+trailer:]
	}
	return out, nil
}

// cutDatagram shortens tcp_info in all messages of a datagram.
func cutDatagram(b []byte, size int) (out []byte) {
	for m := range messages(b) {
		if len(m) < offAttrs {
			out = pad(append(out, m...))
			continue
		}
		start := len(out)
		out = append(out, m[:offAttrs]...)
		for a := range attributes(m[offAttrs:]) {
			if binary.NativeEndian.Uint16(a[2:]) == attrInfo {
				a = bytes.Clone(a[:min(len(a), sizeofAttr+size)])
				binary.NativeEndian.PutUint16(a, uint16(len(a)))
			}
			out = pad(append(out, a...))
		}
		binary.NativeEndian.PutUint32(out[start:], uint32(len(out)-start))
	}
	return out
}

func pad(b []byte) []byte { return append(b, make([]byte, align(len(b))-len(b))...) }
