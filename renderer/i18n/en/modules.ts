export const modules = {
  title: 'Your modules',
  text: 'Attacks and defences of your own, as .ts, .js or .mjs files in the library’s modules folder. Only job processes run them, with your rights.',
  list: 'Modules',
  attack: 'attack {name}',
  defence: 'defence {name}',
  working: 'works',
  faulty: 'fault',
  notRun: 'not run',
  untrusted: 'Not run: this library’s modules are not trusted yet.',
  meaning:
    'Trusted modules run with your rights: they can read your files and reach the network. Trust them only if you know who wrote them; it counts for this library, on this computer.',
  trust: 'Trust this library’s modules',
  distrust: 'Stop trusting',
  empty: 'No modules yet',
  emptyText: 'Put a file into the folder; it appears here by itself.',
  open: 'Open folder',
  again: 'Read again',
  reading: 'Reading…',
  version: '{file} ({version})',
  otherVersion: '{version}, a version that is not among the modules now',
  earlier:
    'Made with a version of its module ({version}) that is not in the modules folder now. A copy is kept, and pairlight evaluate --module takes it.',
} as const;
