package sampler

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"
	"time"
)

// The builders of netlink messages use the byte order of the host, like the kernel.

// netlinkMessage pads the payload, but does not count the padding.
func netlinkMessage(kind, flags uint16, seq uint32, payload []byte) []byte {
	b := binary.NativeEndian.AppendUint32(nil, uint32(sizeofHeader+len(payload)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = binary.NativeEndian.AppendUint16(b, flags)
	b = binary.NativeEndian.AppendUint32(b, seq)
	b = append(b, 0, 0, 0, 0)
	return pad(append(b, payload...))
}

// attr builds an attribute with its padding.
func attr(kind uint16, payload []byte) []byte {
	b := binary.NativeEndian.AppendUint16(nil, uint16(sizeofAttr+len(payload)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	return pad(append(b, payload...))
}

func pad(b []byte) []byte { return append(b, make([]byte, align(len(b))-len(b))...) }

// diagRow builds an inet_diag_msg with a state, a cookie and attributes.
func diagRow(family Family, state State, cookie uint64, attrs ...[]byte) []byte {
	b := make([]byte, sizeofDiagMsg)
	b[0], b[1] = byte(family), byte(state)
	binary.NativeEndian.PutUint32(b[44:], uint32(cookie))
	binary.NativeEndian.PutUint32(b[48:], uint32(cookie>>32))
	return append(b, bytes.Join(attrs, nil)...)
}

// words encodes 32-bit numbers.
func words(values ...uint32) []byte {
	var b []byte
	for _, v := range values {
		b = binary.NativeEndian.AppendUint32(b, v)
	}
	return b
}

// rowMessage builds the message of a row in a dump.
func rowMessage(seq uint32, cookie uint64, attrs ...[]byte) []byte {
	return netlinkMessage(typeSockDiag, 2, seq, diagRow(FamilyIPv4, StateEstablished, cookie, attrs...))
}

// doneMessage builds the message that ends a dump with an errno, zero for none.
func doneMessage(seq uint32, errno int32) []byte {
	return netlinkMessage(nlmsgDone, 2, seq, words(uint32(-errno)))
}

// withInfoLength rewrites a datagram as if the kernel's tcp_info had n bytes.
func withInfoLength(t testing.TB, datagram []byte, n int) []byte {
	t.Helper()
	var out []byte
	for len(datagram) > 0 {
		h, payload, rest, err := nextMessage(datagram)
		must(t, err)
		datagram = rest
		if h.kind == typeTCPDiagGetsock || h.kind == typeSockDiag {
			payload = rowWithInfoLength(payload, n)
		}
		out = append(out, netlinkMessage(h.kind, h.flags, h.seq, payload)...)
	}
	return out
}

func rowWithInfoLength(row []byte, n int) []byte {
	out := bytes.Clone(row[:sizeofDiagMsg])
	for b := row[sizeofDiagMsg:]; len(b) >= sizeofAttr; {
		length := int(binary.NativeEndian.Uint16(b))
		kind := binary.NativeEndian.Uint16(b[2:])
		value := b[sizeofAttr:length]
		if kind == attrInfo {
			// Bytes that a newer kernel appends are not zero.
			value = append(bytes.Clone(value), bytes.Repeat([]byte{0xa5}, max(0, n-len(value)))...)[:n]
		}
		out = append(out, attr(kind, value)...)
		b = b[min(align(length), len(b)):]
	}
	return out
}

// recordingBuilder writes the frames of a recording, which need not be well-formed.
type recordingBuilder struct{ bytes.Buffer }

func newRecording(meta string) *recordingBuilder {
	r := &recordingBuilder{}
	r.WriteString(recordingMagic)
	return r.frame(frameMeta, time.Unix(0, 0), []byte(meta))
}

func (r *recordingBuilder) frame(kind frameKind, at time.Time, payload []byte) *recordingBuilder {
	var head []byte
	head = binary.LittleEndian.AppendUint32(head, uint32(kind))
	head = binary.LittleEndian.AppendUint32(head, uint32(len(payload)))
	head = binary.LittleEndian.AppendUint64(head, uint64(at.UnixNano()))
	r.Write(head)
	r.Write(payload)
	r.Write(binary.LittleEndian.AppendUint32(nil, checksum(head, payload)))
	return r
}

// metaOf returns the metadata of a recording made on this host.
func metaOf(kernel string) string {
	return `{"kernel":"` + kernel + `","byte_order":"` + hostByteOrder() + `","interval_ns":1000000000}`
}

// frameDatagrams returns the datagrams of a recording.
func frameDatagrams(t testing.TB, recording []byte) [][]byte {
	t.Helper()
	p, err := NewReplay(bytes.NewReader(recording))
	must(t, err)
	var all [][]byte
	for {
		f, err := p.frame()
		if err != nil {
			return all
		}
		if f.kind == frameDatagram {
			all = append(all, bytes.Clone(f.payload))
		}
	}
}

// sceneDatagrams returns the datagrams of the recorded scene.
func sceneDatagrams(t testing.TB) [][]byte {
	t.Helper()
	return frameDatagrams(t, readScene(t, "testdata/6.18").recording)
}

// decodeAll decodes datagrams with any sequence numbers.
func decodeAll(t testing.TB, datagrams [][]byte) []Socket {
	t.Helper()
	var (
		b   batch
		all []Socket
	)
	for _, d := range datagrams {
		_, err := b.decode(d, 0, true)
		must(t, err)
		all = append(all, b.sockets...)
	}
	return all
}

// endpointFrom returns the endpoint of an address and a port.
func endpointFrom(ap netip.AddrPort) Endpoint {
	return Endpoint{Addr: ap.Addr().As16(), Port: ap.Port()}
}
