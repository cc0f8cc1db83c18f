package bytecode

// DefaultMaxCompares is what the kernel tests per socket at most, if nothing else
// is said. It tests under a lock, with bottom halves off: 200 tests take about a
// third of a microsecond, less than a row of the dump. Up to there a filter in
// the kernel that finds nothing costs at most half of a dump of everything, and
// ranges, lists of ports and lists of hosts never come near it (BenchmarkDump).
const DefaultMaxCompares = 200

// Features is what the running kernel can test for this process, beyond what all
// kernels can: ports, addresses and autobound.
type Features struct {
	// PortEqual: ports can be tested for equality (INET_DIAG_BC_S_EQ and
	// D_EQ, Linux 4.16).
	PortEqual bool
	// Device: the bound interface can be tested (INET_DIAG_BC_DEV_COND,
	// Linux 4.8).
	Device bool
	// Mark: the mark can be tested (INET_DIAG_BC_MARK_COND, Linux 4.9),
	// which takes CAP_NET_ADMIN.
	Mark bool
	// Cgroup: the cgroup can be tested (INET_DIAG_BC_CGROUP_COND, Linux
	// 5.8), which is reported.
	Cgroup bool
	// MaxCompares is the most tests that the kernel may have to make for a socket;
	// 0 stands for DefaultMaxCompares, and -1 leaves everything to user space.
	MaxCompares int
}

// Probe finds out what the kernel can test. The function offers the kernel a
// program with a request for a dump and reports whether it was taken: it was not if
// the answer is EINVAL or EPERM. Any other failure is an error, which Probe returns.
func Probe(offer func(program []byte) (taken bool, err error)) (Features, error) {
	var f Features

	probes := []struct {
		feature *bool
		op      []byte
	}{
		{&f.PortEqual, portOp(opSrcEQ, 0)},
		{&f.Device, devOp(0)},
		{&f.Mark, markOp(0, 0)},
		{&f.Cgroup, cgroupOp(0)},
	}

	for _, p := range probes {
		setNo(p.op, len(p.op)+sizeofOp)

		taken, err := offer(p.op)
		if err != nil {
			return Features{}, err
		}

		*p.feature = taken
	}

	return f, nil
}

// can reports whether the kernel can test the term.
func (f Features) can(n node) bool {
	switch n := n.(type) {
	case not:
		return f.can(n.part)
	case device:
		return f.Device
	case mark:
		return f.Mark
	case cgroup:
		return f.Cgroup
	}

	return true
}

func (f Features) maxCompares() int {
	if f.MaxCompares == 0 {
		return DefaultMaxCompares
	}

	return f.MaxCompares
}
