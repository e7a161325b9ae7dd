import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { test } from 'node:test';

import * as fc from 'fast-check';

import { renderTag } from './tag.ts';
import { aSubject } from './testSubject.ts';

const subject = aSubject({ labels: { tier: 'Front', 'com.example.team': 'a b' }, environment: ['A=1', 'B=2'] });

test('the fields of a tag', () => {
  const cases: [string, string][] = [
    ['', ''],
    ['plain } text', 'plain } text'],
    ['{{.ID}}', '0123456789ab'],
    ['{{ .ImageName }}/{{.Name}}/{{.ID}}', 'alpine:3/web/0123456789ab'],
    ['{{.FullID}}', subject.id],
    ['{{.ImageID}}', 'sha256:fedcb'],
    ['{{.ImageFullID}}', subject.imageId],
    ['{{.Command}}|{{.DaemonName}}|{{.Hostname}}', `sh -c echo hi|docker|${hostname()}`],
    ['{{.ContainerLabels.tier}} {{index .ContainerLabels "com.example.team"}}', 'Front a b'],
    ['{{.ContainerLabels.missing}}', ''],
    ['{{.Name | upper}} {{lower .ContainerLabels.tier}} {{.Name | title | json}}', 'WEB front "Web"'],
    ['{{.ContainerEnv}}', '[A=1 B=2]'],
    ['a {{- .Name -}} b{{/* nothing */}}', 'awebb'],
    ['{{"}}"}}{{`x`}}', '}}x'],
  ];
  for (const [template, expected] of cases) assert.equal(renderTag(template, subject), expected, template);
});

test('what is no template, or asks for what is not there, is refused', () => {
  const cases: [string, RegExp][] = [
    ['{{', /^template: log-tag:1: unclosed action$/],
    ['x {{.Name', /unclosed action$/],
    ['{{}}', /missing value for command$/],
    [
      '{{.Bad}}',
      /^template: log-tag:1:2: executing "log-tag" at <\.Bad>: can't evaluate field Bad in type \*logger\.Info$/,
    ],
    ['{{.constructor}}', /can't evaluate field constructor/],
    ['{{frob .Name}}', /function "frob" not defined$/],
    ['{{.Name.First}}', /can't evaluate field First$/],
    ['{{'.repeat(3000), /longer than 4096 characters$/],
    ['{{if .Name}}x{{end}}', /function "if" not defined$/],
  ];
  for (const [template, message] of cases) assert.throws(() => renderTag(template, subject), { message }, template);
});

test('any text gives a tag or is refused, and text without braces is its own tag', () => {
  const unit = fc.constantFrom('{{', '}}', '.Name', ' ', '|', '"', '\\', '`', '-', 'x', '(', 'index', '/*', '*/');
  fc.assert(
    fc.property(fc.string({ unit, maxLength: 12 }), (text) => {
      let tag: string;
      try {
        tag = renderTag(text, subject);
      } catch (error) {
        assert.match(String(error), /template: log-tag:1/);
        return;
      }
      if (!text.includes('{{')) assert.equal(tag, text);
    }),
    { numRuns: 3000 },
  );
});
