/**
 * Pairlight's side of a comparison: one process, one engine, one task. The first line of standard input is the task, each
 * further line an order; each is answered by one line on standard output (see protocol.ts).
 */
import { createInterface } from 'node:readline';
import packageJson from '../../package.json' with { type: 'json' };
import { sideOrder, sideTask, type SideReply } from './protocol.ts';
import { prepareTask } from './side-tasks.ts';

function reply(line: SideReply): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

try {
  const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  const first = await lines.next();
  if (first.done !== true) {
    const task = sideTask.parse(JSON.parse(first.value));
    const repeat = await prepareTask(task);
    reply({ type: 'ready', version: `Pairlight ${packageJson.version}` });
    for await (const line of { [Symbol.asyncIterator]: () => lines }) {
      const order = sideOrder.parse(JSON.parse(line));
      const started = performance.now();
      const cpu = process.cpuUsage();
      const { repetitions, robust } = await repeat(order.do);
      const { user, system } = process.cpuUsage(cpu);
      const seconds = (performance.now() - started) / 1000;
      const peakBytes = process.resourceUsage().maxRSS * 1024;
      reply({ type: 'measured', seconds, cpuSeconds: (user + system) / 1e6, repetitions, peakBytes, robust });
    }
  }
  process.exit(0);
} catch (error) {
  reply({ type: 'failed', message: error instanceof Error ? error.message : String(error) });
  process.exit(1);
}
