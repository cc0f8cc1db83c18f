// Renders the rules into deploy/prometheus: make rules.
local mixin = import 'mixin.libsonnet';
local yaml = import 'yaml.libsonnet';
{
  'alerting_rules.yml': yaml(mixin.prometheusAlerts),
  'recording_rules.yml': yaml(mixin.prometheusRules),
}
