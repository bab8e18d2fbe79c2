import { describe, expect, it } from 'vitest';
import { groupPaths, splitPath } from './group-paths.ts';

const files = (...paths: string[]) => paths.map((path) => ({ path, folder: false }));

describe('what is dropped together', () => {
  it('is one source for each folder and each archive', () => {
    const dropped = [{ path: '/a/cats.v1', folder: true }, ...files('/a/flowers.tgz', '/a/more.zip', '/a/digits.npz')];
    expect(groupPaths(dropped)).toEqual(dropped.map(({ path }) => ({ path })));
  });

  it('is one source for the files of one folder, and one for those of another', () => {
    expect(groupPaths(files('/a/train-10.idx', '/a/train-9.idx', '/b/batch.bin', '/a/labels.gz'))).toEqual([
      { path: '/a', only: ['labels.gz', 'train-9.idx', 'train-10.idx'] },
      { path: '/b/batch.bin' },
    ]);
  });

  it('is one source for the shards of one set, apart from files beside them', () => {
    expect(groupPaths(files('/a/train-0001.tar', '/a/train-0000.tar', '/a/val-0000.tar', '/a/x.mat'))).toEqual([
      { path: '/a', only: ['train-0000.tar', 'train-0001.tar'] },
      { path: '/a/val-0000.tar' },
      { path: '/a/x.mat' },
    ]);
  });

  it('counts the same path once', () => {
    expect(groupPaths(files('/a/x.mat', '/a/x.mat'))).toEqual([{ path: '/a/x.mat' }]);
  });

  it('comes apart with the separators of Windows too, and at the root', () => {
    expect(splitPath('C:\\data\\x.npz')).toEqual({ folder: 'C:\\data', name: 'x.npz' });
    expect(splitPath('C:\\x.npz')).toEqual({ folder: 'C:\\', name: 'x.npz' });
    expect(splitPath('/x.npz')).toEqual({ folder: '/', name: 'x.npz' });
    expect(splitPath('/data/cats/')).toEqual({ folder: '/data', name: 'cats' });
  });
});
