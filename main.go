// The tcphealth_exporter samples every TCP connection of a Linux host and exposes
// their health to Prometheus.
package main

import (
	"os"

	"tcphealth_exporter/app"
)

func main() { os.Exit(app.Main(os.Args[1:], os.Stdout, os.Stderr)) }
