/** The report's look: the application's own tokens, readable on paper and in the dark. */
export const REPORT_STYLE = `
:root{color-scheme:light dark;--ink:#1b1c1e;--ink-2:#55585e;--line:#e3e3df;--bg:#fff;--soft:#f6f6f4;--warn:#9a5b00;--bad:#b42318}
@media (prefers-color-scheme:dark){:root{--ink:#e7e8ea;--ink-2:#abb0b8;--line:#2a2e34;--bg:#141619;--soft:#1a1d21;--warn:#e8b25a;--bad:#ff8f84}}
body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.55 Inter,system-ui,sans-serif;font-variant-numeric:tabular-nums}
main{max-width:960px;margin:0 auto;padding:40px 24px 80px}
h1{font-size:26px;letter-spacing:-.015em;margin:0 0 12px}h2{font-size:18px;margin:44px 0 12px}
.lead{font-size:17px;max-width:46em}.facts,.note,figcaption{color:var(--ink-2);font-size:13px;max-width:66em}
table{border-collapse:collapse;width:100%;font-size:13px;display:block;overflow-x:auto}
thead{border-bottom:1px solid var(--ink)}tbody{border-bottom:1px solid var(--ink)}
th{font-weight:500;color:var(--ink-2);text-align:right;padding:4px 10px;vertical-align:bottom}th.group{text-align:center;border-bottom:1px solid var(--line)}
td{text-align:right;padding:6px 10px;white-space:nowrap}th:first-child,td:first-child,td.text,th.text{text-align:left}tbody tr+tr td{border-top:1px solid var(--line)}
.verdict{font-weight:600}.verdict.red{color:var(--bad)}.verdict.amber{color:var(--warn)}
.interval{display:block;color:var(--ink-2);font-size:11px}
figure{margin:20px 0}.drawing{background:#fff;border:1px solid var(--line);border-radius:6px;padding:12px;overflow-x:auto}.drawing svg{display:block;width:100%;height:auto;max-width:720px;margin:0 auto}
.small .drawing svg{max-width:420px}
.pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(320px,1fr));gap:16px}
.finding{border-left:3px solid var(--warn);padding:4px 12px;background:var(--soft)}.finding.error{border-color:var(--bad)}
li{margin:6px 0;max-width:60em}
@media print{main{max-width:none;padding:0}}
`;
