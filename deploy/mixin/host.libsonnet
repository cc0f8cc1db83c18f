local text = import 'text.libsonnet';

// The alerts on listeners, and on the exporter itself.
function(c) {
  local alert(name, severity, expr, timing, summary, description) = {
    alert: name,
    expr: expr,
    labels: { severity: severity },
    annotations: {
      summary: summary + ' on {{ $labels.instance }}',
      description: description,
      dashboard_url: c.dashboardURL + 'tcphealth-host?var-instance={{ $labels.instance }}',
      runbook_url: c.runbookURL + name,
    },
  } + timing,
  local warning(name, expr, timing, summary, description) = alert(name, 'warning', expr, timing, summary, description),

  local overflow(severity, condition) = alert(
    'TCPHealthListenOverflow',
    severity,
    'round(increase(tcphealth_kernel_listen_overflows_total[11m])) ' + condition,
    { 'for': '2m', keep_firing_for: '1m' },
    'connections dropped because an accept queue is full',
    'On {{ $labels.instance }} the kernel dropped ' + text.count('connection') + ' within 11 minutes because an accept queue is full. '
    + 'TCPHealthAcceptQueueFull names the listener.'
  ),

  listeners: [
    warning(
      'TCPHealthAcceptQueueFull',
      'tcphealth_listener_accept_queue_max / ((tcphealth_listener_accept_queue_limit > 0) + 1) >= 0.9',
      { 'for': '1m' },
      'accept queue of port {{ $labels.local_port }} full',
      'On {{ $labels.instance }}, {{ $labels.local_address }} port {{ $labels.local_port }}: the accept queue was filled to '
      + '{{ $value | humanizePercentage }}. The application accepts too slowly; the kernel drops connections beyond the limit.'
    ),
    overflow('critical', '>= %d' % c.criticalOverflows),
    overflow('warning', '> 0'),
  ],

  exporter: [
    warning(
      'TCPHealthExporterDown',
      // Where scrapes are rare, one that fails is not enough.
      |||
        up{%(s)s} == 0
        and (count_over_time(up{%(s)s}[11m]) >= 6 or max_over_time(up{%(s)s}[11m]) == 0)
      ||| % { s: c.selector },
      { 'for': '2m' },
      'tcphealth_exporter is down',
      'Prometheus cannot scrape the exporter on {{ $labels.instance }}.'
    ),
    warning(
      'TCPHealthNoSamples',
      |||
        timestamp(tcphealth_sampler_last_sample_timestamp_seconds) - tcphealth_sampler_last_sample_timestamp_seconds
          > 60 + 3 * tcphealth_sampler_interval_seconds
        or (tcphealth_sampler_interval_seconds unless tcphealth_sampler_last_sample_timestamp_seconds)
      |||,
      { 'for': '1m', keep_firing_for: '2m' },
      'tcphealth_exporter collects no samples',
      'The exporter on {{ $labels.instance }} has collected no sample for more than a minute, or none since it started. '
      + 'tcphealth_sampler_errors_total and its log have the reason.'
    ),
    warning(
      'TCPHealthTicksMissed',
      'rate(tcphealth_sampler_ticks_missed_total[11m]) * tcphealth_sampler_interval_seconds > 0.01',
      { 'for': '10m' },
      'tcphealth_exporter misses samples',
      'The exporter on {{ $labels.instance }} misses {{ $value | humanizePercentage }} of its samples: problems are detected late.'
    ),
    warning(
      'TCPHealthConnectionsUntracked',
      'last_over_time(tcphealth_tracker_untracked_connections[11m]) > 0',
      { 'for': '5m' },
      'tcphealth_exporter does not track all connections',
      'The exporter on {{ $labels.instance }} does not track ' + text.count('connection')
      + ': there are more than --tracker.max-connections, so they are tracked in rotation.'
    ),
    warning(
      'TCPHealthIntervalStretched',
      |||
        last_over_time(tcphealth_sampler_interval_seconds[11m])
          > last_over_time(tcphealth_sampler_configured_interval_seconds[11m])
      |||,
      { 'for': '15m' },
      'tcphealth_exporter samples less often than configured',
      'The exporter on {{ $labels.instance }} samples only every {{ $value }} s to stay within --sampler.max-cpu: problems are detected later.'
    ),
    warning(
      'TCPHealthConfigBroken',
      'last_over_time(tcphealth_config_last_reload_successful[11m]) == 0',
      { 'for': '5m' },
      'tcphealth_exporter rejected its configuration file',
      'The configuration file of the exporter on {{ $labels.instance }} is invalid; the previous configuration stays active. The log names the line.'
    ),
  ],
}
