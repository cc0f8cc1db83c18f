// The monitoring mixin of tcphealth_exporter. To change a setting, import it and override _config:
//
//   (import 'mixin.libsonnet') { _config+:: { runbookURL: 'https://wiki.example/tcphealth/' } }
(import 'config.libsonnet') + (import 'alerts.libsonnet') + (import 'rules.libsonnet')
