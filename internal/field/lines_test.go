package field

import (
	"time"

	"tcphealth_exporter/internal/netlab"
)

// line is the path of a row.
type line struct {
	name       string
	cable      bool // A veth pair, for rates that a path cannot carry.
	conditions netlab.Conditions
	changes    func(w *world) // Runs beside the programs.
}

// bdp returns the bytes that a path takes for one round trip.
func bdp(rate int64, rtt time.Duration) int { return int(float64(rate) / 8 * rtt.Seconds()) }

// route is a path of 20 Mbit/s with a queue of 100 ms.
func route(name string, rtt time.Duration) *line {
	const rate = 20e6
	return &line{name: name, conditions: netlab.Conditions{Delay: rtt / 2, Rate: rate, Queue: bdp(rate, 100*ms)}}
}

var (
	gigabit    = &line{name: "LAN, unlimited", cable: true}
	lan        = &line{name: "LAN", conditions: netlab.Conditions{Delay: 100 * time.Microsecond, Rate: 50e6, Queue: 128 << 10}}
	near20     = route("20 ms", 20*ms)
	wide80     = route("80 ms", 80*ms)
	far220     = route("220 ms", 220*ms)
	satellite  = route("600 ms", 600*ms)
	lossy      = with(route("20 ms, 0.5 % loss", 20*ms), func(c *netlab.Conditions) { c.Loss = 0.005 })
	reordering = with(route("40 ms, 1 % reordered", 40*ms), func(c *netlab.Conditions) { c.Reorder, c.ReorderBy = 0.01, 4*ms })
	policed    = &line{name: "20 ms, policer of 10 Mbit/s", conditions: netlab.Conditions{Delay: 10 * ms, Police: 10e6, Burst: 64 << 10}}
	oneBDP     = &line{name: "60 ms, 10 Mbit/s, queue of 1 BDP", conditions: netlab.Conditions{Delay: 30 * ms, Rate: 10e6, Queue: bdp(10e6, 60*ms)}}
	stalling   = changing(route("20 ms, stalls of 200 ms", 20*ms), func(w *world) {
		for w.sleep(2 * time.Second) {
			w.change(func(c *netlab.Conditions) { c.Delay += 200 * ms }, netlab.AToB)
			w.sleep(50 * ms)
			w.restore()
		}
	})
	slowing = changing(route("40 ms, rate drops to 4 Mbit/s", 40*ms), func(w *world) {
		for w.sleep(8 * time.Second) {
			w.change(func(c *netlab.Conditions) { c.Rate = 4e6 }, netlab.AToB, netlab.BToA)
			w.sleep(8 * time.Second)
			w.restore()
		}
	})
)

func with(l *line, f func(*netlab.Conditions)) *line {
	f(&l.conditions)
	return l
}

func changing(l *line, f func(*world)) *line {
	l.changes = f
	return l
}
