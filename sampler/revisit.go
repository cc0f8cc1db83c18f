package sampler

// Revisit reads the targets, all known connections, in place of a [Conn.Dump]: for a few
// connections this costs less than the kernel's walk through the table of the whole host.
// It finds neither new connections nor listeners. all reports whether every target still
// exists. [Conn.SetSkip] applies, [Conn.SetFilter] does not. Errors are like those of
// [Conn.Dump].
func (c *Conn) Revisit(targets []Target, sink Sink) (d Dump, all bool, err error) {
	d = Dump{Space: c.cfg.Space, Start: c.now(), Partial: true}
	r := Round{Start: d.Start}

	c.batch.skip = c.skip
	err = c.readAll(targets, &r, sink)
	c.batch.skip = nil
	d.End, d.Sockets = c.now(), r.Sockets

	return d, r.Sockets == len(targets), err
}
