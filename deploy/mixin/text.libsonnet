// The parts of summaries and descriptions, templates of Prometheus.
local with(label, text) = '{{ with $labels.%s }}%s{{ end }}' % [label, text];

{
  // The group: client of 10.0.0.9:5432. Labels that the group does not have are left out.
  group: '{{ if eq $labels.role "client" "server" }}{{ $labels.role }}{{ else }}group{{ with $labels.role }} {{ . }}{{ end }}{{ end }}'
         + with('local_address', ' at {{ . }}')
         + with('local_port', ' on port {{ . }}')
         + with('remote_address', ' of {{ if match ":" . }}[{{ . }}]{{ else }}{{ . }}{{ end }}')
         + with('remote_port', '{{ if $labels.remote_address }}:{{ else }} of port {{ end }}{{ . }}')
         + with('network', ' in network {{ . }}'),

  // What else is in its labels, from a list of labels that name an owner.
  details(owners):: with('congestion_algorithm', ' with {{ . }}')
                    + std.join('', [with(o[0], ', %s {{ . }}' % o[1]) for o in owners]),

  // Variables of the dashboard Host.
  variables: with('role', '&var-role={{ . }}')
             + with('local_port', '&var-local_port={{ . }}')
             + with('remote_address', '&var-remote_address={{ . }}'),

  // A number of things: 1 connection, 2 connections.
  count(thing):: '{{ $value }} %s{{ if ne $value 1.0 }}s{{ end }}' % thing,
}
