package sampler

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"tcphealth_exporter/internal/netlab"
)

// layout is the output of a C program about the kernel's headers: for each name a
// hexadecimal number, or the bytes of a structure.
type layout map[string]string

// readLayout compiles testdata/layout.c.tmpl with one probe for each member of
// struct tcp_info that the installed header has.
func readLayout(t *testing.T) layout {
	t.Helper()
	netlab.RequireTool(t, "gcc")
	template, err := os.ReadFile("testdata/layout.c.tmpl")
	must(t, err)
	var probes strings.Builder
	for _, member := range infoMembers(t) {
		fmt.Fprintf(&probes, "PROBE(%s);\n", member)
	}
	dir := t.TempDir()
	source, program := filepath.Join(dir, "layout.c"), filepath.Join(dir, "layout")
	must(t, os.WriteFile(source, bytes.Replace(template, []byte("/* PROBES */"), []byte(probes.String()), 1), 0o600))
	if out, err := exec.Command("gcc", "-o", program, source).CombinedOutput(); err != nil {
		t.Fatalf("compiling %s: %v\n%s", source, err, out)
	}
	out, err := exec.Command(program).Output()
	must(t, err)
	l := layout{}
	for line := range strings.Lines(string(out)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		l[name] = value
	}
	return l
}

// infoMembers returns the members of struct tcp_info in the installed header.
func infoMembers(t *testing.T) []string {
	t.Helper()
	cmd := exec.Command("gcc", "-E", "-P", "-x", "c", "-")
	cmd.Stdin = strings.NewReader("#include <linux/tcp.h>\n")
	out, err := cmd.Output()
	must(t, err)
	_, body, found := strings.Cut(string(out), "struct tcp_info {")
	body, _, ended := strings.Cut(body, "};")
	if !found || !ended {
		t.Fatal("the header has no struct tcp_info")
	}
	return regexp.MustCompile(`tcpi_\w+`).FindAllString(body, -1)
}

func (l layout) number(t *testing.T, name string) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(l[name], 16, 64)
	must(t, err)
	return n
}

func (l layout) bytes(t *testing.T, name string) []byte {
	t.Helper()
	b, err := hex.DecodeString(l[name])
	if err != nil || len(b) == 0 {
		t.Fatalf("%s is %q: %v", name, l[name], err)
	}
	return b
}

// TestLayoutOfTCPInfo compares the table of fields with the C compiler: a structure with
// all bits of one member set has that field, and no other.
func TestLayoutOfTCPInfo(t *testing.T) {
	l := readLayout(t)
	size := int(l.number(t, "sizeof-tcp_info"))
	if size < 232 {
		t.Fatalf("tcp_info has %d bytes: the header is too old", size)
	}
	_, packed := l["tcpi_ecn_mode"] // the layout of Linux 7.0
	checked := map[Field]bool{}
	for member := range l {
		name, isMember := strings.CutPrefix(member, "tcpi_")
		if !isMember {
			continue
		}
		var info TCPInfo
		info.set(l.bytes(t, member), packed)
		for f := range NumFields {
			if int(fieldTable[f].end()) > size {
				continue
			}
			want := uint64(0)
			if f.String() == name {
				want = allOnes(f, packed)
				checked[f] = true
			}
			if got := info.read(f); got != want {
				t.Errorf("with all bits of %s, %v is %#x, want %#x", member, f, got, want)
			}
		}
	}
	for f := range NumFields {
		if fits := int(fieldTable[f].end()) <= size; fits != checked[f] {
			t.Errorf("%v ends at %d of %d bytes, but the header has it: %v", f, fieldTable[f].end(), size, checked[f])
		}
	}
	if len(checked) < 50 {
		t.Errorf("only %d fields were checked", len(checked))
	}
}

// allOnes is the largest value of a field.
func allOnes(f Field, packed bool) uint64 {
	bits := uint(fieldTable[f].bits)
	switch {
	case packed && f == FieldAccECNOptSeen:
		bits = 2
	case packed && f == FieldAccECNFailMode:
		bits = 4
	case bits == 0:
		bits = 8 * uint(fieldTable[f].width)
	}
	return ^uint64(0) >> (64 - bits)
}

// TestLayoutOfRows decodes rows of a C program.
func TestLayoutOfRows(t *testing.T) {
	l := readLayout(t)
	row := bytes.Join([][]byte{
		l.bytes(t, "msg"), attr(attrBBRInfo, l.bytes(t, "bbr")),
		attr(attrVegasInfo, l.bytes(t, "vegas")), attr(attrDCTCPInfo, l.bytes(t, "dctcp")),
	}, nil)
	var s Socket
	must(t, decodeSocket(&s, row, false))
	if hostByteOrder() != "little" {
		t.Skip("the addresses below are those of a little-endian host")
	}
	want := Socket{
		Cookie: 0x5051525340414243,
		Local: endpointFrom(netip.AddrPortFrom(
			netip.MustParseAddr("1312:1110:1412:1110:1512:1110:1612:1110"), 0x0102)),
		Remote: endpointFrom(netip.AddrPortFrom(
			netip.MustParseAddr("2322:2120:2422:2120:2522:2120:2622:2120"), 0x0304)),
		Ifindex: 0x30313233, Expires: 0x60616263, RecvQueue: 0x70717273, SendQueue: 0x80818283,
		UID: 0x90919293, Inode: 0xa0a1a2a3,
		Family: FamilyIPv6, State: StateCloseWait, Timer: TimerProbe, TimerRetrans: 77,
		Attrs: HasBBR | HasVegas | HasDCTCP,
		BBR:   BBRInfo{Bandwidth: 1 | 2<<32, MinRTT: 3, PacingGain: 4, CwndGain: 5},
		Vegas: VegasInfo{Enabled: 1, RTTCount: 2, RTT: 3, MinRTT: 4},
		DCTCP: DCTCPInfo{Enabled: 1, CEState: 2, Alpha: 3, ABECN: 4, ABTotal: 5},
	}
	if s != want {
		t.Errorf("got  %+v\nwant %+v", s, want)
	}
}

// TestLayoutOfRequests compares requests with those of a C program.
func TestLayoutOfRequests(t *testing.T) {
	netlab.RequireByteOrder(t)
	l := readLayout(t)
	legacy := request{legacy: true, family: FamilyIPv4, ext: 0x5a, states: 0x12345678}
	if got := legacy.payload(); !bytes.Equal(got, l.bytes(t, "req")) {
		t.Errorf("inet_diag_req is %x, want %x", got, l.bytes(t, "req"))
	}
	v2 := request{family: FamilyIPv6, ext: 0x5a, states: 0x12345678}
	if got := v2.payload(); !bytes.Equal(got, l.bytes(t, "req_v2")) {
		t.Errorf("inet_diag_req_v2 is %x, want %x", got, l.bytes(t, "req_v2"))
	}
}

// TestLayoutConstants compares sizes and numbers with the headers.
func TestLayoutConstants(t *testing.T) {
	l := readLayout(t)
	for name, ours := range map[string]uint64{
		"sizeof-inet_diag_msg":    sizeofDiagMsg,
		"sizeof-inet_diag_sockid": uint64(len(appendSockID(nil))),
		"sizeof-inet_diag_req":    sizeofLegacyReq,
		"sizeof-inet_diag_req_v2": sizeofReqV2,
		"INET_DIAG_INFO":          attrInfo,
		"INET_DIAG_VEGASINFO":     attrVegasInfo,
		"INET_DIAG_CONG":          attrCong,
		"INET_DIAG_SKMEMINFO":     attrSkMemInfo,
		"INET_DIAG_SHUTDOWN":      attrShutdown,
		"INET_DIAG_DCTCPINFO":     attrDCTCPInfo,
		"INET_DIAG_MARK":          attrMark,
		"INET_DIAG_BBRINFO":       attrBBRInfo,
		"INET_DIAG_CGROUP_ID":     attrCgroupID,
		"INET_DIAG_REQ_BYTECODE":  reqAttrBytecode,
		"TCPDIAG_GETSOCK":         typeTCPDiagGetsock,
		"SOCK_DIAG_BY_FAMILY":     typeSockDiag,
		"NLMSG_DONE":              nlmsgDone,
		"NLMSG_ERROR":             nlmsgError,
		"NLMSG_OVERRUN":           nlmsgOverrun,
		"NLM_F_DUMP_INTR":         flagDumpIntr,
		"TCPI_OPT_TIMESTAMPS":     OptionTimestamps,
		"TCPI_OPT_SACK":           OptionSACK,
		"TCPI_OPT_WSCALE":         OptionWScale,
		"TCPI_OPT_ECN":            OptionECN,
		"TCPI_OPT_ECN_SEEN":       OptionECNSeen,
		"TCPI_OPT_SYN_DATA":       OptionSynData,
		"TCP_CA_Open":             uint64(CAOpen),
		"TCP_CA_Disorder":         uint64(CADisorder),
		"TCP_CA_CWR":              uint64(CACWR),
		"TCP_CA_Recovery":         uint64(CARecovery),
		"TCP_CA_Loss":             uint64(CALoss),
	} {
		if theirs := l.number(t, name); ours != theirs {
			t.Errorf("%s is %d, the header has %d", name, ours, theirs)
		}
	}
	// Newer than the headers of many systems.
	if OptionUsecTS != 64 || OptionTFOChild != 128 {
		t.Errorf("the options are %d and %d", OptionUsecTS, OptionTFOChild)
	}
}
