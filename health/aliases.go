package health

import (
	"tcphealth_exporter/health/export"
	"tcphealth_exporter/health/group"
	"tcphealth_exporter/health/judge"
)

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

// Names that move to group.
type (
	Group       = group.Group
	GroupConfig = group.Config
	GroupCounts = group.Counts
	Grouping    = group.Grouping
	Dimension   = group.Dimension
	Networks    = group.Networks
	Role        = group.Role
	Counter     = group.Counter
	Counters    = group.Counters
	CounterSet  = group.CounterSet
	Totals      = group.Totals
	Histogram   = group.Histogram
)

const (
	ByRole                 = group.ByRole
	ByLocalAddress         = group.ByLocalAddress
	ByLocalPort            = group.ByLocalPort
	ByRemoteAddress        = group.ByRemoteAddress
	ByRemotePort           = group.ByRemotePort
	ByNetwork              = group.ByNetwork
	ByCongestion           = group.ByCongestion
	ByCgroup               = group.ByCgroup
	NumDimensions          = group.NumDimensions
	RoleUnknown            = group.RoleUnknown
	RoleClient             = group.RoleClient
	RoleServer             = group.RoleServer
	SentBytes              = group.SentBytes
	RetransmittedBytes     = group.RetransmittedBytes
	AckedBytes             = group.AckedBytes
	ReceivedBytes          = group.ReceivedBytes
	SentSegments           = group.SentSegments
	RetransmittedSegments  = group.RetransmittedSegments
	DeliveredSegments      = group.DeliveredSegments
	DeliveredCESegments    = group.DeliveredCESegments
	OutOfOrderSegments     = group.OutOfOrderSegments
	SegmentsOut            = group.SegmentsOut
	SegmentsIn             = group.SegmentsIn
	BusyTime               = group.BusyTime
	ReceiverLimitedTime    = group.ReceiverLimitedTime
	SndbufLimitedTime      = group.SndbufLimitedTime
	NumCounters            = group.NumCounters
	HistogramSchema        = group.HistogramSchema
	HistogramZeroThreshold = group.HistogramZeroThreshold
	NetworkLoopback        = group.NetworkLoopback
	NetworkPrivate         = group.NetworkPrivate
	NetworkLinkLocal       = group.NetworkLinkLocal
	NetworkGlobal          = group.NetworkGlobal
	GroupOther             = group.Other
)

var (
	ParseDimension  = group.ParseDimension
	DefaultGrouping = group.DefaultGrouping
	NewGrouping     = group.NewGrouping
	NewNetworks     = group.NewNetworks
)

// Names that move to export.
type (
	ExportConfig = export.Config
	Identity     = export.Identity
)
