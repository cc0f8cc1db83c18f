package health

import "tcphealth_exporter/health/judge"

// Names that move to judge.
type (
	Status       = judge.Status
	Cause        = judge.Cause
	Flag         = judge.Flag
	Flags        = judge.Flags
	Unit         = judge.Unit
	Step         = judge.Step
	Trend        = judge.Trend
	QueueTrend   = judge.QueueTrend
	WindowEvents = judge.WindowEvents
	Profile      = judge.Profile
	Limits       = judge.Thresholds
)

const (
	Healthy               = judge.Healthy
	Caution               = judge.Caution
	Suspect               = judge.Suspect
	Degraded              = judge.Degraded
	Stale                 = judge.Stale
	NumStatuses           = judge.NumStatuses
	SynUnanswered         = judge.SynUnanswered
	HalfOpenSuspect       = judge.HalfOpenSuspect
	HalfOpenConfirmed     = judge.HalfOpenConfirmed
	StaleSuspectSend      = judge.StaleSuspectSend
	StaleConfirmedSend    = judge.StaleConfirmedSend
	StaleSuspectRecv      = judge.StaleSuspectRecv
	StaleConfirmedRecv    = judge.StaleConfirmedRecv
	KeepaliveUnanswered   = judge.KeepaliveUnanswered
	MTUBlackholeSuspect   = judge.MTUBlackholeSuspect
	LossDetected          = judge.LossDetected
	LossHigh              = judge.LossHigh
	RTOInflation          = judge.RTOInflation
	RTTHigh               = judge.RTTHigh
	RTTDrift              = judge.RTTDrift
	JitterHigh            = judge.JitterHigh
	CongestionSuspected   = judge.CongestionSuspected
	CongestionConfirmed   = judge.CongestionConfirmed
	CongestionRecovering  = judge.CongestionRecovering
	QueueGrowing          = judge.QueueGrowing
	QueuePersistent       = judge.QueuePersistent
	QueueAccelerating     = judge.QueueAccelerating
	QueueVolatile         = judge.QueueVolatile
	ZeroWindow            = judge.ZeroWindow
	RecvLimited           = judge.RecvLimited
	SndbufLimited         = judge.SndbufLimited
	RecvQueueStuck        = judge.RecvQueueStuck
	Flapping              = judge.Flapping
	SendQueueHigh         = judge.SendQueueHigh
	CwndExhausted         = judge.CwndExhausted
	NumFlags              = judge.NumFlags
	CauseNone             = judge.CauseNone
	CauseHandshake        = judge.CauseHandshake
	CauseMTU              = judge.CauseMTU
	CausePathDead         = judge.CausePathDead
	CausePacketLoss       = judge.CausePacketLoss
	CausePathDelay        = judge.CausePathDelay
	CauseCongestion       = judge.CauseCongestion
	CausePeerReceiver     = judge.CausePeerReceiver
	CauseLocalSendBuffer  = judge.CauseLocalSendBuffer
	CauseLocalApplication = judge.CauseLocalApplication
	NumCauses             = judge.NumCauses
	UnitNone              = judge.UnitNone
	UnitSeconds           = judge.UnitSeconds
	UnitShare             = judge.UnitShare
	UnitFactor            = judge.UnitFactor
	UnitCount             = judge.UnitCount
	UnitBytes             = judge.UnitBytes
)

var (
	ParseFlag       = judge.ParseFlag
	BuiltinProfiles = judge.BuiltinProfiles
	DefaultLimits   = judge.DefaultThresholds
)
