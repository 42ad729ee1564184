import { expect } from 'chai';
import { junitXml } from '../../../../lab/results/junit.js';
import { exampleResult } from '../example-result.js';

describe('JUnit XML', () => {
  it('has a suite for each document and a test case for each claim', () => {
    expect(junitXml([{ ...exampleResult(), parameters: { rate: '1mbit' } }])).to.equal(
      [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<testsuites>',
        '<testsuite name="fig4a (rate=1mbit)" tests="3" failures="1" errors="0" skipped="1" timestamp="2026-11-24T06:20:00.000Z" time="180.000">',
        '<testcase classname="fig4a (rate=1mbit)" name="mpip.download.goodput &gt;= 95% * limit"/>',
        '<testcase classname="fig4a (rate=1mbit)" name="mpip.download.goodput &gt;= 99.9% * limit">',
        '<failure message="55.20 Mbit/s against 55.70 Mbit/s" type="claim"/>',
        '</testcase>',
        '<testcase classname="fig4a (rate=1mbit)" name="udp.download.loss &lt; 1%">',
        '<skipped message="an arm did not run"/>',
        '</testcase>',
        '</testsuite>',
        '</testsuites>',
        '',
      ].join('\n'),
    );
  });

  it('tells of a run that came to no end, in characters that XML can hold', () => {
    const text = junitXml([], {
      name: 'a & "b".yaml',
      error: new Error('ip: <failed>\n\u0000\u001b[31mred \ud800 end'),
    });
    expect(text).to.include(
      '<testsuite name="a &amp; &quot;b&quot;.yaml" tests="1" failures="0" errors="1" skipped="0">',
    );
    expect(text).to.include(
      '<error message="ip: &lt;failed&gt;" type="Error">\nip: &lt;failed&gt;\n··[31mred · end\n</error>',
    );
    expect([...text].every((character) => character === '\n' || character >= ' ')).to.equal(true);
  });
});
