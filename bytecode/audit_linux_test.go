package bytecode

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"tcphealth_exporter/internal/netlab"
)

// kernelVerdict returns the expected result of Audit if the kernel returns err.
func kernelVerdict(err error) error {
	switch {
	case errors.Is(err, unix.EINVAL):
		return ErrInvalid
	case errors.Is(err, unix.EPERM):
		return ErrNotPermitted
	}

	return err
}

// compareAudits offers programs to the kernel and to Audit.
func compareAudits(t *testing.T, d *diag, netAdmin bool, count int) {
	t.Helper()

	if got := d.features(t); got != (Features{PortEqual: true, Device: true, Mark: netAdmin, Cgroup: true}) {
		t.Skipf("this kernel does not have all operations: %+v", got)
	}

	p := newPrograms(newRand(t))
	answers := make(map[error]int)
	wrong := 0

	for range count {
		program := p.next()
		want := kernelVerdict(d.offer(program))
		answers[want]++

		if got := Audit(program, netAdmin); !errors.Is(got, want) || (got == nil) != (want == nil) {
			t.Errorf("kernel: %v, Audit: %v\n% x", want, got, program)

			if wrong++; wrong == 5 {
				t.FailNow()
			}
		}
	}

	t.Logf("programs %d: accepted %d, EINVAL %d, EPERM %d", count, answers[nil], answers[ErrInvalid], answers[ErrNotPermitted])

	if len(answers) > 3 || answers[nil] < count/20 || answers[ErrInvalid] < count/20 || (answers[ErrNotPermitted] == 0) != netAdmin {
		t.Errorf("one-sided: %v", answers)
	}
}

const auditPrograms = 150_000

func TestAuditAgainstKernel(t *testing.T) {
	netlab.RequireRoot(t)
	compareAudits(t, dialDiag(t, netlab.New(t)), true, auditPrograms)
}

// asUserVariable is set in the process that the test starts.
const asUserVariable = "BYTECODE_TEST_AS_NOBODY"

func TestAuditAgainstKernelWithoutNetAdmin(t *testing.T) {
	netlab.RequireByteOrder(t)

	if os.Getenv(asUserVariable) != "" || os.Geteuid() != 0 {
		compareAudits(t, dialDiag(t, nil), false, auditPrograms)

		return
	}

	// The binary may be where only root finds it, but a process finds itself.
	cmd := exec.Command("/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), asUserVariable+"=1")
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}

	out, err := cmd.CombinedOutput()
	t.Logf("as none:\n%s", out)

	if err != nil || !bytes.Contains(out, []byte("--- PASS")) {
		t.Error(fmt.Errorf("as none: %w", errors.Join(err, errors.New("see above"))))
	}
}

// auditCases are programs at the edges of the rules.
var auditCases = []struct {
	name    string
	program []byte
	want    error
}{
	{"empty", []byte{}, ErrInvalid},
	{"three bytes", []byte{0, 4, 0}, ErrInvalid},
	{"nop", op(0, 4, 0), nil},
	{"nop with any mismatch", op(0, 4, 3), nil},
	{"nop past the end", op(0, 8, 0), ErrInvalid},
	{"nop to itself", op(0, 0, 0), ErrInvalid},
	{"nop by 5", append(op(0, 5, 0), 0), ErrInvalid},
	{"length 5", append(op(0, 4, 0), 0), ErrInvalid},
	{"length 6, the odd part a mark", append(op(0, 4, 0), 10, 4), ErrInvalid},
	{"jump to the end", op(1, 4, 4), nil},
	{"jump past the end", op(1, 4, 8), nil},
	{"jump far past the end", op(1, 4, 12), ErrInvalid},
	{"jump to itself", op(1, 4, 0), ErrInvalid},
	{"jump by 6", op(1, 4, 6), ErrInvalid},
	{"auto", op(6, 4, 8), nil},
	{"unknown operation", op(14, 4, 8), ErrInvalid},
	{"unknown operation 255", op(255, 4, 8), ErrInvalid},
	{"port without operand", op(2, 4, 8), ErrInvalid},
	{"port", ops(op(2, 8, 12), op(0, 0, 80)), nil},
	{"port, rest of the operand ignored", ops(op(12, 8, 12), op(99, 77, 80)), nil},
	{"port into its operand", ops(op(2, 4, 12), op(0, 4, 80)), ErrInvalid},
	{"mismatch into an operand", ops(op(1, 4, 8), op(2, 8, 8), op(0, 4, 80), op(0, 4, 0)), ErrInvalid},
	{"mismatch to an operation", ops(op(1, 4, 12), op(2, 8, 8), op(0, 4, 80), op(0, 4, 0)), nil},
	{"match skips nonsense", ops(op(0, 12, 0), op(255, 255, 0xffff), op(255, 255, 0xffff), op(0, 4, 0)), nil},
	{"mismatch into what a match skips", ops(op(1, 12, 4), op(0, 4, 0), op(0, 4, 0), op(0, 4, 0)), ErrInvalid},
	{"match to 4 behind the end", ops(op(0, 4, 0), op(6, 8, 8)), ErrInvalid},
	{"host of any family", condOp(opSrcCond, 0, 0, 80, nil), nil},
	{"host of any family with a prefix", condOp(opSrcCond, 0, 1, 80, nil), ErrInvalid},
	{"host too short", op(7, 4, 8), ErrInvalid},
	{"host of IPv4", condOp(opDstCond, 2, 32, -1, make([]byte, 4)), nil},
	{"host of IPv4, prefix 33", condOp(opDstCond, 2, 33, -1, make([]byte, 4)), ErrInvalid},
	{"host of IPv4 without address", condOp(opDstCond, 2, 32, -1, nil), ErrInvalid},
	{"host of IPv6", condOp(opSrcCond, 10, 128, -1, make([]byte, 16)), nil},
	{"host of IPv6, prefix 129", condOp(opSrcCond, 10, 129, -1, make([]byte, 16)), ErrInvalid},
	{"host of IPv6, short address", condOp(opSrcCond, 10, 8, -1, make([]byte, 12)), ErrInvalid},
	{"host of another family", condOp(opSrcCond, 1, 0, -1, make([]byte, 16)), ErrInvalid},
	{"host with a port beyond all", condOp(opSrcCond, 0, 0, 70000, nil), nil},
	{"device", devOp(1), nil},
	{"device without operand", op(9, 4, 8), ErrInvalid},
	{"mark", markOp(1, 1), nil},
	{"mark without operand", op(10, 4, 8), ErrInvalid},
	{"cgroup", cgroupOp(1), nil},
	{"cgroup without operand", ops(op(13, 8, 12), op(0, 0, 0)), ErrInvalid},
	{"error before a mark", ops(op(14, 4, 8), op(10, 12, 16), op(0, 0, 0), op(0, 0, 0)), ErrInvalid},
	{"longest", longProgram(maxAttr), nil},
	{"longest, not a multiple of 4", append(longProgram(maxAttr), 0, 0, 0), ErrInvalid},
}

const maxAttr = 65528

// op returns the four bytes that every operation begins with.
func op(code, yes byte, no uint16) []byte {
	b := []byte{code, yes, 0, 0}
	setNo(b, int(no))

	return b
}

func ops(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func longProgram(size int) []byte { return bytes.Repeat(op(0, 4, 0), size/4) }

// repair gives the operations of the constructors, which have no mismatch yet, one.
func repair(program []byte) []byte {
	b := bytes.Clone(program)
	if len(b) >= 4 && noOf(b) == 0 && opcode(b[0]) > opJmp {
		setNo(b, len(b)+4)
	}

	return b
}

func TestAudit(t *testing.T) {
	netlab.RequireByteOrder(t)

	var d *diag
	if os.Geteuid() == 0 {
		d = dialDiag(t, netlab.New(t))
		if d.features(t) != everything {
			d = nil // an old kernel
		}
	}

	for _, tt := range auditCases {
		program := repair(tt.program)

		if got := Audit(program, true); !errors.Is(got, tt.want) || (got == nil) != (tt.want == nil) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}

		if d == nil {
			continue
		}

		if got := kernelVerdict(d.offer(program)); !errors.Is(got, tt.want) {
			t.Errorf("%s: the kernel reports %v, want %v", tt.name, got, tt.want)
		}
	}

	if err := Audit(make([]byte, 65532), true); !errors.Is(err, ErrInvalid) {
		t.Errorf("too long for an attribute: %v", err)
	}

	err := Audit(ops(op(0, 4, 0), repair(markOp(1, 1))), false)
	if want := "the kernel wants CAP_NET_ADMIN for the program: a test of the mark at byte 4"; err == nil || err.Error() != want {
		t.Errorf("a mark without CAP_NET_ADMIN: %v, want %s", err, want)
	}
}
