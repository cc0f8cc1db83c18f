package bytecode

// generate translates a part into operations. What a kernel lacks must not be in
// it.
func (a *assembler) generate(n node, to exits) {
	switch n := n.(type) {
	case all:
		a.every(n, to)
	case some:
		a.any(n, to)
	case not:
		a.generate(n.part, exits{to.no, to.yes, to.next})
	case endpoint:
		a.endpoint(n, to)
	case device:
		a.test(devOp(uint32(n)), to)
	case mark:
		a.test(markOp(n.value, n.mask), to)
	case cgroup:
		a.test(cgroupOp(uint64(n)), to)
	case autobound:
		a.test(newOp(opAuto, sizeofOp), to)
	}
}

// every goes from part to part as long as they match.
func (a *assembler) every(parts []node, to exits) {
	if len(parts) == 0 {
		a.jump(to.yes, to.next)

		return
	}

	last := len(parts) - 1

	for _, p := range parts[:last] {
		a.then(p, to)
	}

	a.generate(parts[last], to)
}

// then continues after the part if it matches.
func (a *assembler) then(n node, to exits) {
	behind := a.label()
	a.generate(n, exits{behind, to.no, behind})
	a.here(behind)
}

// any goes from part to part as long as they do not match.
func (a *assembler) any(parts []node, to exits) {
	if len(parts) == 0 {
		a.jump(to.no, to.next)

		return
	}

	last := len(parts) - 1

	for _, p := range parts[:last] {
		behind := a.label()
		a.generate(p, exits{to.yes, behind, behind})
		a.here(behind)
	}

	a.generate(parts[last], to)
}

// fork writes a test and what to do on both its outcomes.
func (a *assembler) fork(op []byte, next label, onYes, onNo func(next label)) {
	yes, no := a.label(), a.label()

	a.test(op, exits{yes, no, yes})
	a.here(yes)
	onYes(no)
	a.here(no)
	onNo(next)
}

// endpoint tests ports before addresses, except for one port of one prefix, which
// is one operation.
func (a *assembler) endpoint(n endpoint, to exits) {
	one := len(n.ports) == 1 && n.ports[0].lo == n.ports[0].hi

	switch {
	case n.hosts == nil:
		a.ports(n.side, n.ports, to)
	case one && len(n.hosts) == 1:
		a.test(hostOp(n.side, n.hosts[0], int32(n.ports[0].lo)), to)
	case n.ports.isAll():
		a.hosts(n.side, n.hosts, to)
	default:
		a.then(endpoint{n.side, nil, n.ports}, to)
		a.hosts(n.side, n.hosts, to)
	}
}

// portRange tests for the ports from lo to hi. Without an operation for equality,
// a host condition without an address does it.
func (a *assembler) portRange(d side, r portRange, to exits) {
	switch {
	case r.lo == 0 && r.hi == maxPort:
		a.jump(to.yes, to.next)
	case r.lo == r.hi && a.equal:
		a.test(portOp(d.eq(), r.lo), to)
	case r.lo == r.hi:
		a.test(condOp(d.cond(), familyAny, 0, int32(r.lo), nil), to)
	case r.lo == 0:
		a.test(portOp(d.le(), r.hi), to)
	case r.hi == maxPort:
		a.test(portOp(d.ge(), r.lo), to)
	default:
		behind := a.label()
		a.test(portOp(d.ge(), r.lo), exits{behind, to.no, behind})
		a.here(behind)
		a.test(portOp(d.le(), r.hi), to)
	}
}

// hostOp tests the address, and the port unless it is anyCondPort.
func hostOp(d side, p prefix, port int32) []byte {
	family, length, addr := p.bytes()

	return condOp(d.cond(), family, length, port, addr)
}

func (d side) ge() opcode   { return [...]opcode{local: opSrcGE, remote: opDstGE}[d] }
func (d side) le() opcode   { return [...]opcode{local: opSrcLE, remote: opDstLE}[d] }
func (d side) eq() opcode   { return [...]opcode{local: opSrcEQ, remote: opDstEQ}[d] }
func (d side) cond() opcode { return [...]opcode{local: opSrcCond, remote: opDstCond}[d] }
