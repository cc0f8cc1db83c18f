package netns

// Survey returns the number of network namespaces with a process, without the caller's own,
// by a mount of procfs. Errors match [ErrHidden] if the processes of others are hidden.
func Survey(procfs string) (n int, err error) {
	p, err := newProcs(procfs)
	if err != nil {
		return 0, err
	}
	defer p.close()

	if p.hidden() {
		return 0, ErrHidden
	}

	pids, err := p.list()
	if err != nil {
		return 0, err
	}

	found := make(map[uint64]bool)
	for _, pid := range pids {
		found[p.inode(pid)] = true
	}

	delete(found, 0)
	delete(found, p.own)

	return len(found), nil
}
