// Writes rules as YAML that people read: keys in the usual order, expressions as they are written, comments kept.
local quote(s) = "'" + std.strReplace(s, "'", "''") + "'";

local indent(n, text) =
  local spaces = std.join('', std.repeat([' '], n));
  std.join('\n', [if line == '' then '' else spaces + line for line in std.split(std.rstripChars(text, '\n'), '\n')]);

local comment(n, o) =
  local text = std.rstripChars(std.get(o, 'comment', '', true), '\n');
  if text == '' then '' else indent(n, std.join('\n', [std.rstripChars('# ' + line, ' ') for line in std.split(text, '\n')])) + '\n';

local map(n, o, keys) = std.join('', [indent(n, '%s: %s' % [k, quote(o[k])]) + '\n' for k in keys if std.objectHas(o, k)]);

local rule(r) =
  local name = if std.objectHas(r, 'alert') then 'alert' else 'record';
  comment(2, r)
  + '  - %s: %s\n' % [name, r[name]]
  + '    expr: |\n' + indent(6, r.expr) + '\n'
  + std.join('', ['    %s: %s\n' % [k, r[k]] for k in ['for', 'keep_firing_for'] if std.objectHas(r, k)])
  + (if std.objectHas(r, 'labels') then '    labels:\n      severity: %s\n' % r.labels.severity else '')
  + (if std.objectHas(r, 'annotations')
     then '    annotations:\n' + map(6, r.annotations, ['summary', 'description', 'dashboard_url', 'runbook_url']) else '');

local group(g) = '- name: %s\n  rules:\n%s' % [g.name, std.join('', [rule(r) for r in g.rules])];

function(rules) comment(0, rules) + 'groups:\n' + std.join('', [group(g) for g in rules.groups])
