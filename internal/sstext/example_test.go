package sstext_test

import (
	"fmt"

	"tcphealth_exporter/internal/sstext"
)

func ExampleParse() {
	rows, err := sstext.Parse("ESTAB 0 5000 10.77.7.1:58510 10.77.7.2:9004 timer:(on,588ms,3) uid:33 ino:23563 sk:1008 <-> " +
		"ts sack bbr rto:1632 backoff:3 rtt:0.014/0.007 cwnd:1 send 827428571bps app_limited retrans:1/4\n")
	if err != nil {
		fmt.Println(err)
		return
	}
	row := rows[0]
	rttvar, _ := row.Millis("rttvar")
	retrans, _ := row.Uint("total_retrans")
	fmt.Println(row.State, row.Remote, row.Timer.Left, row.Congestion, rttvar, retrans, row.HasWord("app_limited"))
	// Output: ESTAB 10.77.7.2:9004 588ms bbr 7µs 4 true
}
