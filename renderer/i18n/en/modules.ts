export const modules = {
  title: 'Your modules',
  text: 'Attacks and defences of your own, as .ts, .js or .mjs files in the library’s modules folder. Only job processes run them, with your rights.',
  list: 'Modules',
  attack: 'attack {name}',
  defence: 'defence {name}',
  working: 'works',
  faulty: 'fault',
  empty: 'No modules yet',
  emptyText: 'Put a file into the folder; it appears here by itself.',
  open: 'Open folder',
  again: 'Read again',
  reading: 'Reading…',
  earlier:
    'Made with a version of its module ({version}) that is not in the modules folder now. A copy is kept, and pairlight evaluate --module takes it.',
} as const;
