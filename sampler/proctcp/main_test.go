package proctcp

import (
	"testing"

	"tcphealth_exporter/internal/holder"
)

func TestMain(m *testing.M) { holder.Main(m) }
