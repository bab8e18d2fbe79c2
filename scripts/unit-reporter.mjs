import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Vitest reporter: writes the counts and the reason of each skipped test (`context.skip(reason)`) to the file named by
 * UNIT_REPORT. A file that fails to load, and an error outside every test, count as one failure each.
 */
export default class UnitReporter {
  onTestRunEnd(modules, unhandledErrors) {
    const report = { passed: 0, failed: unhandledErrors.length, skipped: [] };
    for (const module of modules) {
      let ran = 0;
      for (const test of module.children.allTests()) {
        ran += 1;
        const { state, note } = test.result();
        if (state === 'passed') report.passed += 1;
        else if (state === 'failed') report.failed += 1;
        else
          report.skipped.push({
            name: `${module.relativeModuleId} > ${test.fullName}`,
            reason: note ?? 'no reason given',
          });
      }
      if (ran === 0 || module.errors().length > 0) report.failed += 1;
    }
    const file = process.env.UNIT_REPORT;
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, JSON.stringify(report));
  }
}
