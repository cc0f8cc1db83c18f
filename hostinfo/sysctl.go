package hostinfo

import (
	"fmt"

	"github.com/prometheus/procfs"
)

// Sysctls reads the kernel's settings below a mount of procfs, those of the network
// namespace of the reader.
type Sysctls struct{ proc procfs.FS }

// NewSysctls returns a reader; procPath is usually /proc.
func NewSysctls(procPath string) (*Sysctls, error) {
	fs, err := procfs.NewFS(procPath)
	if err != nil {
		return nil, fmt.Errorf("sysctl: %w", err)
	}

	return &Sysctls{proc: fs}, nil
}

// Int returns a setting of one number, such as net.ipv4.tcp_retries2, and reports whether
// the kernel has it.
func (s *Sysctls) Int(name string) (int, bool) {
	values, err := s.proc.SysctlInts(name)
	if err != nil || len(values) != 1 {
		return 0, false
	}

	return values[0], true
}
