package sampler

import "strconv"

// State is the TCP state of a socket (linux/tcp_states.h).
type State uint8

// The TCP states by their kernel numbers.
const (
	StateEstablished State = 1
	StateSynSent     State = 2
	StateSynRecv     State = 3
	StateFinWait1    State = 4
	StateFinWait2    State = 5
	StateTimeWait    State = 6
	StateClose       State = 7
	StateCloseWait   State = 8
	StateLastAck     State = 9
	StateListen      State = 10
	StateClosing     State = 11

	// NumStates is one more than the highest state number.
	NumStates = 12
)

var stateNameTable = [NumStates]string{
	StateEstablished: "ESTABLISHED",
	StateSynSent:     "SYN_SENT",
	StateSynRecv:     "SYN_RECV",
	StateFinWait1:    "FIN_WAIT1",
	StateFinWait2:    "FIN_WAIT2",
	StateTimeWait:    "TIME_WAIT",
	StateClose:       "CLOSE",
	StateCloseWait:   "CLOSE_WAIT",
	StateLastAck:     "LAST_ACK",
	StateListen:      "LISTEN",
	StateClosing:     "CLOSING",
}

// String returns the kernel's name of the state, without its TCP_ prefix.
func (s State) String() string {
	if int(s) < len(stateNameTable) && stateNameTable[s] != "" {
		return stateNameTable[s]
	}

	return "STATE_" + strconv.Itoa(int(s))
}

// States is a set of states: bit n stands for state n (idiag_states).
type States uint32

const (
	// ConnectionStates holds the states of connections: all but SYN_RECV, TIME_WAIT,
	// CLOSE and LISTEN.
	ConnectionStates States = 1<<StateEstablished | 1<<StateSynSent | 1<<StateFinWait1 |
		1<<StateFinWait2 | 1<<StateCloseWait | 1<<StateLastAck | 1<<StateClosing

	// ListenStates holds LISTEN only.
	ListenStates States = 1 << StateListen
)

// Has reports whether the set contains s.
func (m States) Has(s State) bool { return s < 32 && m&(1<<s) != 0 }

// Timer is the pending timer of a socket (idiag_timer).
type Timer uint8

// The timers by their kernel numbers.
const (
	TimerNone       Timer = 0
	TimerRetransmit Timer = 1 // retransmission, RACK or tail-loss probe
	TimerKeepalive  Timer = 2
	TimerTimeWait   Timer = 3
	TimerProbe      Timer = 4 // zero-window probe
	TimerDelayedACK Timer = 5 // kernel 7.1 and later
)

var timerNameTable = [...]string{
	TimerNone:       "none",
	TimerRetransmit: "retransmit",
	TimerKeepalive:  "keepalive",
	TimerTimeWait:   "time_wait",
	TimerProbe:      "zero_window_probe",
	TimerDelayedACK: "delayed_ack",
}

// String returns a short lower-case name of the timer.
func (t Timer) String() string {
	if int(t) < len(timerNameTable) {
		return timerNameTable[t]
	}

	return "timer_" + strconv.Itoa(int(t))
}

// CAState is the state of the congestion control machine (tcpi_ca_state).
type CAState uint8

// The congestion control states by their kernel numbers.
const (
	CAOpen     CAState = 0
	CADisorder CAState = 1
	CACWR      CAState = 2
	CARecovery CAState = 3
	CALoss     CAState = 4
)

var caStateNameTable = [...]string{
	CAOpen:     "open",
	CADisorder: "disorder",
	CACWR:      "cwr",
	CARecovery: "recovery",
	CALoss:     "loss",
}

// String returns the kernel's name of the state in lower case.
func (s CAState) String() string {
	if int(s) < len(caStateNameTable) {
		return caStateNameTable[s]
	}

	return "ca_state_" + strconv.Itoa(int(s))
}

// Options negotiated on a connection (tcpi_options).
const (
	OptionTimestamps = 1
	OptionSACK       = 2
	OptionWScale     = 4
	OptionECN        = 8
	OptionECNSeen    = 16
	OptionSynData    = 32
	OptionUsecTS     = 64
	OptionTFOChild   = 128
)
