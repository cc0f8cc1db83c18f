{
  _config+:: {
    // Selects up of the exporter. All other series have names of their own.
    selector: 'job="tcphealth"',

    // Base URL of the runbooks; the name of the alert follows. By default each exporter serves them. Change it if the
    // exporters use TLS, are behind a proxy, or if instance is not an address:
    //
    //   runbookURL: 'https://{{ $labels.instance }}/runbooks/',
    //   runbookURL: 'https://proxy.example/{{ $labels.instance }}/runbooks/',
    //   runbookURL: 'https://web-1.example:10047/runbooks/',  // any exporter has all runbooks
    runbookURL: 'http://{{ $labels.instance }}/runbooks/',

    // Base URL of the dashboards; uid and variables follow.
    dashboardURL: 'http://localhost:3000/d/',

    // The group labels that name an owner, with their words.
    ownerLabels: [['namespace', 'namespace'], ['workload', 'workload'], ['unit', 'unit'], ['cgroup', 'cgroup']],

    // Groups of clients alert on one connection. An alert is critical from `connections` of a group and more than `share`
    // of it, or from `clientConnections` of a group of clients and at least `clientShare` of it.
    critical: { connections: 5, share: 0.1, clientConnections: 2, clientShare: 0.5 },

    // Connections dropped within 11 minutes because an accept queue is full, for a critical alert.
    criticalOverflows: 20,

    // Age in seconds of the oldest connection in CLOSE_WAIT. Applications close a connection within seconds after the peer
    // has. Pools may need minutes, so an hour is a leak, whatever the number of connections.
    closeWaitSeconds: 3600,

    // Connections that ended by a reset or timeout within 15 minutes, and their share of all that ended.
    aborted: { connections: 10, share: 0.25 },

    // Seconds until the kernel aborts a connection.
    abortsInSeconds: 60,

    // Connections without keepalive, and their share of the group.
    withoutKeepalive: { connections: 100, share: 0.5 },
  },
}
