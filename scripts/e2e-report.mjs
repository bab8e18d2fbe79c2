/** Counts of a Playwright JSON report: { passed, failed, skipped: [{ name, reason }] }; a test that only passed on retry failed. */
export function countEndToEnd(report) {
  const counts = { passed: 0, failed: report.errors?.length ?? 0, skipped: [] };
  const visit = (suite, path) => {
    for (const spec of suite.specs ?? []) {
      for (const test of spec.tests) {
        if (test.status === 'expected') counts.passed += 1;
        else if (test.status === 'skipped') {
          const reason = test.annotations.find(({ type }) => type === 'skip' || type === 'fixme')?.description;
          counts.skipped.push({ name: [...path, spec.title].join(' > '), reason: reason ?? 'a test before it failed' });
        } else counts.failed += 1;
      }
    }
    for (const child of suite.suites ?? []) visit(child, [...path, child.title]);
  };
  for (const suite of report.suites ?? []) visit(suite, [suite.title]);
  return counts;
}
