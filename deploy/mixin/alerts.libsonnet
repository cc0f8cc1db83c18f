local text = import 'text.libsonnet';

local trim(s) = std.rstripChars(s, '\n');

// The alerts on groups.
local groups(c) = {
  local all = 'sum without (status) (tcphealth_group_connections)',

  local alert(name, severity, expr, timing, summary, description) = {
    alert: name,
    expr: expr,
    labels: { severity: severity },
    annotations: {
      summary: '%s on {{ $labels.instance }} (%s)' % [summary, text.group],
      description: 'On {{ $labels.instance }}, %s%s: %s The dashboard and /api/v1/connections show since when.' % [
        text.group,
        text.details(c.ownerLabels),
        trim(description),
      ],
      dashboard_url: '%stcphealth-host?var-instance={{ $labels.instance }}%s' % [c.dashboardURL, text.variables],
      runbook_url: c.runbookURL + name,
    },
  } + timing,

  // Series of a metric with a label of one value, for some roles.
  local series(metric, label, value, role='') = 'tcphealth_group_%s{%s="%s"%s}' % [metric, label, value, role],
  local client = ', role="client"',
  local others = ', role!="client"',

  // A minimum number of connections and a minimum share of the group.
  local many(metric, label, value, role, least, share) =
    local x = series(metric, label, value, role);
    trim(|||
      (
        %(x)s >= %(least)d
        and ignoring (%(label)s)
        %(x)s / ignoring (%(label)s) %(all)s %(share)s
      )
    ||| % { x: x, least: least, label: label, all: all, share: share }),

  local most(metric, label, value, role) =
    many(metric, label, value, role, c.critical.connections, '> %g' % c.critical.share),
  local critical(metric, label, value) = trim(|||
    %s
    or %s
  ||| % [
    most(metric, label, value, ''),
    many(metric, label, value, client, c.critical.clientConnections, '>= %g' % c.critical.clientShare),
  ]),

  // Any connection of clients, many of others.
  local unhealthy(cause) = trim(|||
    %s > 0
    or %s
  ||| % [
    series('unhealthy_connections', 'cause', cause, client),
    most('unhealthy_connections', 'cause', cause, others),
  ]),

  // Two rules: critical, and a warning for each group of clients, which Alertmanager inhibits if the group is critical.
  local graded(name, metric, label, value, summary, description) =
    local timing = { 'for': '30s', keep_firing_for: '1m' };
    [
      alert(name, 'critical', critical(metric, label, value), timing, summary, description),
      alert(name, 'warning', series(metric, label, value, client) + ' > 0', timing, summary, description),
    ],
  local gradedCause(name, cause, summary, description) =
    graded(name, 'unhealthy_connections', 'cause', cause, summary, '%s (cause %s).' % [description, cause]),
  local warning(name, cause, summary, description) =
    [alert(name, 'warning', unhealthy(cause), { 'for': '1m', keep_firing_for: '1m' }, summary, '%s (cause %s).' % [description, cause])],

  local connections = text.count('connection'),

  rules:
    gradedCause('TCPHealthHalfOpen',
                'path_dead',
                text.count('half-open connection'),
                connections + ' with unanswered data: the peer or the path is gone, or large packets do not pass')
    + graded('TCPHealthStale',
             'connections',
             'status',
             'STALE',
             text.count('dead connection'),
             connections + ' in status STALE: nothing that was sent is answered. tcphealth_group_unhealthy_connections has the cause.')
    + gradedCause('TCPHealthSYNUnanswered',
                  'handshake',
                  text.count('unanswered connection attempt'),
                  text.count('connection attempt') + ' whose SYN is not answered')
    + gradedCause('TCPHealthMTUBlackHole',
                  'mtu',
                  connections + ' in an MTU black hole',
                  connections + ' on which small segments arrive and full-size segments do not')
    + warning('TCPHealthHighLoss',
              'packet_loss',
              connections + ' with high packet loss',
              connections + ' with loss high enough to reduce throughput')
    + [
      local slow(role) = series('unhealthy_connections', 'cause', 'path_delay', role);
      local half(role) = trim(|||
        and ignoring (cause) %s
            > ignoring (cause) 0.5 * (%s - tcphealth_group_idle_connections)
      ||| % [slow(role), all]);
      alert(
        'TCPHealthRTTDrift',
        'warning',
        '%s > 0\n  %s\nor (\n  %s >= %d\n  %s\n)' % [slow(client), half(client), slow(others), c.critical.connections, half(others)],
        { 'for': '2m', keep_firing_for: '1m' },
        'round-trip time increased for ' + connections,
        connections + ', more than half of those in use, unhealthy because of their round-trip time (cause path_delay).',
      ),
    ]
    + warning('TCPHealthPeerNotReading',
              'peer_receiver',
              connections + ' blocked by peers that do not read',
              connections + " limited by the peer's receive window: the peer reads too slowly or not at all")
    + warning('TCPHealthLocalApplicationNotReading',
              'local_application',
              connections + ' not read by the local application',
              connections + ' with received data that the local application does not read')
    + [
      alert(
        'TCPHealthCloseWaitLeak',
        'warning',
        |||
          last_over_time(tcphealth_group_close_wait_connections[11m]) > 0
          and last_over_time(tcphealth_group_close_wait_oldest_seconds[11m]) > %d
        ||| % c.closeWaitSeconds,
        { 'for': '5m', keep_firing_for: '10m' },
        connections + ' stuck in CLOSE_WAIT',
        connections + ', the oldest for more than %g h, that the peer has closed and the local application has not (CLOSE_WAIT).' % (c.closeWaitSeconds / 3600),
      ),
      local ended(reason) = 'sum without (reason) (increase(tcphealth_group_connections_ended_total{reason%s}[15m]))' % reason;
      alert(
        'TCPHealthConnectionsAborted',
        'warning',
        |||
          round(%s) >= %d
          and
          %s
            > %g * %s
        ||| % [
          ended('=~"reset|timed_out"'),
          c.aborted.connections,
          ended('=~"reset|timed_out"'),
          c.aborted.share,
          ended('!~"evicted|namespace_gone|shutdown"'),
        ],
        // Longer than the range, or a single burst would alert.
        { 'for': '20m', keep_firing_for: '5m' },
        '{{ $value }} connections reset or timed out within 15 minutes',
        '{{ $value }} connections ended by a reset or a timeout within 15 minutes, more than %g %% of all that ended.' % (100 * c.aborted.share),
      ),
      // The remaining time is that of the scrape, so it is reduced by the age of the sample.
      local remaining(role) = trim(|||
        tcphealth_group_aborts_in_seconds{%(role)s}
          - (time() - timestamp(tcphealth_group_aborts_in_seconds{%(role)s})) >= 0 < %(limit)d
      ||| % { role: role, limit: c.abortsInSeconds });
      alert(
        'TCPHealthAbortImminent',
        'info',
        '%s\nor (\n  %s\n  and ignoring (cause) %s\n)' % [
          remaining('role="client"'),
          std.strReplace(remaining('role!="client"'), '\n', '\n  '),
          std.strReplace(most('unhealthy_connections', 'cause', 'path_dead', others), '\n', '\n  '),
        ],
        { keep_firing_for: '5m' },
        '{{ printf "%.0f" $value }} s until the kernel aborts a connection',
        'the kernel aborts a connection in {{ printf "%.0f" $value }} s unless the peer answers. The application then gets ETIMEDOUT.',
      ),
      local latest(metric) = 'last_over_time(tcphealth_group_%s[11m])' % metric;
      alert(
        'TCPHealthKeepaliveMissing',
        'info',
        |||
          %(x)s > %(connections)d
          and %(x)s > %(share)g * sum without (status) (%(all)s)
          and %(idle)s > %(connections)d
        ||| % c.withoutKeepalive {
          x: latest('connections_without_keepalive'),
          all: latest('connections'),
          idle: latest('idle_connections'),
        },
        { 'for': '1h' },
        connections + ' without keepalive',
        connections + ', more than %g %% of the group, without keepalive: if a peer vanishes while they are idle, the application never notices.' % (100 * c.withoutKeepalive.share),
      ),
    ],
};

{
  prometheusAlerts+:: {
    comment:: |||
      Generated by make rules from deploy/mixin.

      Alerts of tcphealth_exporter, for rule_files of Prometheus. They need no other rules and work with any groups.by, and
      with scrape intervals from 5 s to 5 min. The job must be named tcphealth.

      Groups of clients, which this host chose to connect to, alert on any connection. Groups of servers, other, and those
      without the label role alert from five connections and a tenth of the group on: clients that vanish are normal.
      What an alert means and what to do first: docs/runbooks, which each exporter serves. Without jsonnet, change the base
      URLs with sed: http://{{ $labels.instance }}/runbooks/ and http://localhost:3000/d/.
    |||,
    groups: [
      { name: 'tcphealth', rules: groups($._config).rules + (import 'host.libsonnet')($._config).listeners },
      { name: 'tcphealth_exporter', rules: (import 'host.libsonnet')($._config).exporter },
    ],
  },
}
