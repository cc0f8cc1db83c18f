package bytecode

func (n all) eval(s *Subject) bool {
	for _, part := range n {
		if !part.eval(s) {
			return false
		}
	}

	return true
}

func (n some) eval(s *Subject) bool {
	for _, part := range n {
		if part.eval(s) {
			return true
		}
	}

	return false
}

func (n not) eval(s *Subject) bool {
	return !n.part.eval(s)
}

func (n endpoint) eval(s *Subject) bool {
	end := n.side.of(s)

	return n.ports.has(end.Port) && n.hosts.has(s.Family, &end.Addr)
}

func (n device) eval(s *Subject) bool {
	return s.Ifindex == uint32(n)
}

func (n mark) eval(s *Subject) bool {
	return s.Mark&n.mask == n.value
}

func (n cgroup) eval(s *Subject) bool {
	return s.CgroupID == uint64(n)
}

func (autobound) eval(s *Subject) bool {
	return s.Autobound
}
