package hostinfo

import "testing"

func TestInterfaceName(t *testing.T) {
	if got := InterfaceName(1); got == "" {
		t.Error("interface 1 has no name")
	}

	if got := InterfaceName(1 << 30); got != "" {
		t.Errorf("a missing interface is called %q", got)
	}
}
